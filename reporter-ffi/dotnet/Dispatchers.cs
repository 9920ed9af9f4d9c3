using System;
using System.Reflection;

namespace ErrorReporting
{
    /// <summary>
    /// Exceptions that a dispatcher of WPF catches, and that the product says it has handled. By reflection, as for Windows Forms.
    ///
    /// One that the product has not handled leaves the dispatcher, and is reported where nobody else catches it. Whether it has is known after all that listen
    /// to <c>Application.DispatcherUnhandledException</c> were called, which may be added at any time: so this looks when the dispatcher goes on, before it does anything else.
    /// </summary>
    internal static class Dispatchers
    {
        internal const string AssemblyName = "WindowsBase";

        /// <summary>The one of this thread that we listen to.</summary>
        [ThreadStatic]
        private static object known;

        /// <summary>Listens to this thread's dispatcher.</summary>
        internal static bool Hook(Assembly assembly)
        {
            Type type = assembly.GetType("System.Windows.Threading.Dispatcher", true);
            object dispatcher = type.GetProperty("CurrentDispatcher").GetValue(null, null);
            if (ReferenceEquals(dispatcher, known))
                return true;
            EventInfo unhandled = type.GetEvent("UnhandledException");
            unhandled.AddEventHandler(dispatcher, Hooks.Listener(unhandled, typeof(Dispatchers), "OnUnhandled"));
            known = dispatcher;
            return true;
        }

        private static void OnUnhandled(object dispatcher, EventArgs arguments)
        {
            Exception exception = Hooks.ExceptionOf(arguments);
            if (exception == null)
                return;
            PropertyInfo handled = arguments.GetType().GetProperty("Handled");
            Action look = () =>
            {
                // A dispatcher has the same arguments for all exceptions. Where there was another one since, it went on, so somebody has handled this one.
                if (!ReferenceEquals(Hooks.ExceptionOf(arguments), exception) || (bool)handled.GetValue(arguments, null))
                    ExceptionReport.Capture(exception);
            };
            Type priority = dispatcher.GetType().Assembly.GetType("System.Windows.Threading.DispatcherPriority", true);
            MethodInfo begin = dispatcher.GetType().GetMethod("BeginInvoke", new[] { priority, typeof(Delegate) });
            begin.Invoke(dispatcher, new[] { Enum.Parse(priority, "Send"), look });
        }
    }
}
