/* An extension module for Python that knows nothing of error reports: `books.month(n)` says what came in and went out in a month, from 1 to 12, and does
 * not look whether there is such a month. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

static long by_month[12] = {-4900, 1250};

static PyObject *month(PyObject *module, PyObject *number) {
    (void)module;
    long n = PyLong_AsLong(number);
    if (n == -1 && PyErr_Occurred())
        return NULL;
    return PyLong_FromLong(by_month[n - 1]);
}

static PyMethodDef functions[] = {
    {"month", month, METH_O, "What came in and went out in a month, in cents."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef books = {PyModuleDef_HEAD_INIT, "books", NULL, 0, functions, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_books(void) { return PyModule_Create(&books); }
