// What the hook knows of Windows Forms, as .NET has it, which runs on Windows alone: a stand-in of the same names. A "dialog" is a line of output.
namespace System.Windows.Forms {
    public delegate void ThreadExceptionEventHandler(object sender, ThreadExceptionEventArgs arguments);

    public class ThreadExceptionEventArgs : EventArgs {
        public Exception Exception { get; private set; }
        public ThreadExceptionEventArgs(Exception exception) { Exception = exception; }
    }

    public enum DialogResult { Cancel = 2, Abort = 3 }

    public class ThreadExceptionDialog : IDisposable {
        public static DialogResult Answer = DialogResult.Cancel;
        readonly Exception exception;
        public ThreadExceptionDialog(Exception exception) { this.exception = exception; }
        public DialogResult ShowDialog() {
            Console.WriteLine("dialog: " + exception.Message + ", answered by " + Answer);
            return Answer;
        }
        public void Dispose() { }
    }

    public static class SystemInformation {
        public static bool UserInteractive { get { return true; } }
    }

    public static class Application {
        internal sealed class ThreadContext {
            [ThreadStatic] static ThreadContext current;
            internal ThreadExceptionEventHandler _threadExceptionHandler;
            internal static ThreadContext FromCurrent() { return current ?? (current = new ThreadContext()); }
        }

        // A listener takes the place of the one before: that is so in .NET.
        public static event ThreadExceptionEventHandler ThreadException {
            add { ThreadContext.FromCurrent()._threadExceptionHandler = value; }
            remove { ThreadContext.FromCurrent()._threadExceptionHandler -= value; }
        }

        // A window's procedure, in which a handler of the product's runs.
        public static void Dispatch(Action handler) {
            try {
                handler();
            } catch (Exception exception) {
                var listener = ThreadContext.FromCurrent()._threadExceptionHandler;
                if (listener != null) {
                    listener(null, new ThreadExceptionEventArgs(exception));
                    return;
                }
                if (new ThreadExceptionDialog(exception).ShowDialog() == DialogResult.Abort) {
                    Exit();
                    Environment.Exit(0);
                }
            }
        }

        public static void Exit() { Console.WriteLine("windows closed"); }
    }
}
