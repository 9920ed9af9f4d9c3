// What the hook knows of WPF, which is for Windows alone and not in this runtime: a stand-in of the same names, and of the same order of things.
using System.Collections.Generic;
using System.Linq;

namespace System.Windows.Threading {
    public enum DispatcherPriority { Normal = 9, Send = 10 }

    public class DispatcherUnhandledExceptionEventArgs : EventArgs {
        public Exception Exception { get; internal set; }
        public bool Handled { get; set; }
    }

    public delegate void DispatcherUnhandledExceptionEventHandler(object sender, DispatcherUnhandledExceptionEventArgs arguments);

    public sealed class Dispatcher {
        [ThreadStatic] static Dispatcher current;
        public static Dispatcher CurrentDispatcher { get { return current ?? (current = new Dispatcher()); } }

        readonly List<KeyValuePair<DispatcherPriority, Delegate>> queue = new List<KeyValuePair<DispatcherPriority, Delegate>>();
        // The same of all exceptions.
        readonly DispatcherUnhandledExceptionEventArgs unhandled = new DispatcherUnhandledExceptionEventArgs();

        public event DispatcherUnhandledExceptionEventHandler UnhandledException;

        public void BeginInvoke(DispatcherPriority priority, Delegate method) {
            queue.Add(new KeyValuePair<DispatcherPriority, Delegate>(priority, method));
        }

        public void BeginInvoke(Delegate method, params object[] arguments) { BeginInvoke(DispatcherPriority.Normal, method); }

        // Until nothing is left to do. What nobody has handled goes to the caller.
        public void Run() {
            while (queue.Count > 0) {
                var next = queue.OrderByDescending(item => item.Key).First();
                queue.Remove(next);
                try {
                    ((Action)next.Value)();
                } catch (Exception exception) {
                    unhandled.Exception = exception;
                    unhandled.Handled = false;
                    if (UnhandledException != null)
                        UnhandledException(this, unhandled);
                    if (!unhandled.Handled)
                        throw;
                }
            }
        }
    }
}
