// A product in Java. Its arguments are the native library and steps, taken one after another.
import java.util.concurrent.atomic.AtomicInteger;

class Host {
    static native int nativeStart();
    static native int nativeCall(String name);
    static native int nativeUnhandled(String type, String message);

    int pages = 1;
    static final AtomicInteger caught = new AtomicInteger();

    static int caughtSoFar() {
        return caught.get();
    }

    static int pagesOf(Host document) {
        return document.pages;
    }

    static int divide(int number, int by) {
        return number / by;
    }

    static int depth(int n) {
        return depth(n + 1) + 1;
    }

    // Recursion that meets the end of the stack in the runtime's native code as well.
    static int depthByReflection() throws Throwable {
        return (Integer) Host.class.getDeclaredMethod("depthByReflection").invoke(null) + 1;
    }

    static void catchThem(int times) {
        for (int n = 0; n < times; n++) {
            try {
                pagesOf(null);
            } catch (NullPointerException e) {
                caught.incrementAndGet();
            }
            try {
                divide(n, 0);
            } catch (ArithmeticException e) {
                caught.incrementAndGet();
            }
        }
    }

    static void catchOverflows(int times) {
        for (int n = 0; n < times; n++) {
            try {
                depth(0);
            } catch (StackOverflowError e) {
                caught.incrementAndGet();
            }
        }
        // Once: an exception is wrapped in another at each of some thousand calls.
        try {
            depthByReflection();
        } catch (Throwable e) {
            caught.incrementAndGet();
        }
    }

    static void inThreads(int count, Runnable run) throws InterruptedException {
        var threads = new Thread[count];
        for (int n = 0; n < count; n++) {
            threads[n] = new Thread(run);
            threads[n].start();
        }
        for (Thread thread : threads)
            thread.join();
    }

    static void call(String name) {
        if (nativeCall(name) != 0)
            System.exit(3);
    }

    public static void main(String[] arguments) throws InterruptedException {
        System.load(arguments[0]);
        for (int n = 1; n < arguments.length; n++) {
            String step = arguments[n];
            switch (step) {
                case "start":
                    if (nativeStart() != 0)
                        System.exit(2);
                    break;
                case "catch":
                    catchThem(2000);
                    break;
                case "catch-in-threads":
                    inThreads(4, () -> catchThem(500));
                    break;
                case "catch-overflows":
                    catchOverflows(20);
                    inThreads(2, () -> catchOverflows(10));
                    break;
                case "hook":
                    Thread.setDefaultUncaughtExceptionHandler(
                        (thread, e) -> nativeUnhandled(e.getClass().getName(), e.getMessage()));
                    break;
                case "throw":
                    throw new IllegalStateException("nobody catches this");
                default:
                    if (step.startsWith("thread:"))
                        inThreads(1, () -> call(step.substring("thread:".length())));
                    else
                        call(step);
            }
            System.out.println(step + ": caught " + caught.get());
        }
        System.out.println("done");
    }
}
