using System;
using System.Threading.Tasks;

namespace ErrorReporting
{
    /// <summary>The events by which a runtime tells of exceptions that nobody has caught.</summary>
    internal static class Hooks
    {
        private static readonly object Lock = new object();
        private static bool installed;

        internal static void Install()
        {
            lock (Lock)
            {
                if (installed)
                    return;
                installed = true;
                AppDomain.CurrentDomain.UnhandledException += OnUnhandled;
                TaskScheduler.UnobservedTaskException += OnUnobserved;
            }
        }

        internal static void Remove()
        {
            lock (Lock)
            {
                if (!installed)
                    return;
                installed = false;
                AppDomain.CurrentDomain.UnhandledException -= OnUnhandled;
                TaskScheduler.UnobservedTaskException -= OnUnobserved;
            }
        }

        private static void OnUnhandled(object sender, UnhandledExceptionEventArgs arguments)
        {
            // What C++/CLI throws need not be an exception; the runtime wraps it where it is asked to, as it is by default.
            var exception = arguments.ExceptionObject as Exception;
            if (exception == null)
                return;
            // The abort in which the runtime ends is part of the same report. In a host that goes on (IsTerminating is false) it is the product's to go on as well.
            if (arguments.IsTerminating)
                ExceptionReport.CaptureUnhandled(exception);
            else
                ExceptionReport.Capture(exception);
        }

        /// <summary>A task failed, and nobody has looked at it until it was collected. Programs go on after that.</summary>
        private static void OnUnobserved(object sender, UnobservedTaskExceptionEventArgs arguments)
        {
            ExceptionReport.Capture(arguments.Exception);
        }
    }
}
