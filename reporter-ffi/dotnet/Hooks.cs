using System;
using System.Linq;
using System.Reflection;
using System.Threading;
using System.Threading.Tasks;

namespace ErrorReporting
{
    /// <summary>The events by which a runtime tells of exceptions that nobody has caught.</summary>
    internal static class Hooks
    {
        private static readonly object Lock = new object();
        private static bool installed;
        /// <summary>The one that has started reporting: of a product with windows, the one that has them.</summary>
        private static Thread starter;

        internal static void Install()
        {
            lock (Lock)
            {
                starter = Thread.CurrentThread;
                if (!installed)
                {
                    installed = true;
                    AppDomain.CurrentDomain.UnhandledException += OnUnhandled;
                    TaskScheduler.UnobservedTaskException += OnUnobserved;
                    AppDomain.CurrentDomain.AssemblyLoad += OnLoaded;
                }
            }
            HookThread();
        }

        /// <summary>Those of windows stay: they take nothing from anybody, and while reporting is off they report nothing.</summary>
        internal static void Remove()
        {
            lock (Lock)
            {
                if (!installed)
                    return;
                installed = false;
                AppDomain.CurrentDomain.UnhandledException -= OnUnhandled;
                TaskScheduler.UnobservedTaskException -= OnUnobserved;
                AppDomain.CurrentDomain.AssemblyLoad -= OnLoaded;
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

        /// <summary>A program that was compiled ahead loads what draws its windows with the first one.</summary>
        private static void OnLoaded(object sender, AssemblyLoadEventArgs arguments)
        {
            if (Thread.CurrentThread == starter)
                HookThread(arguments.LoadedAssembly);
        }

        /// <summary>Listens to what catches the exceptions of windows in this thread. Whether there is any such.</summary>
        internal static bool HookThread()
        {
            return AppDomain.CurrentDomain.GetAssemblies().Count(HookThread) > 0;
        }

        private static bool HookThread(Assembly assembly)
        {
            try
            {
                switch (assembly.GetName().Name)
                {
                    case WindowsForms.AssemblyName: return WindowsForms.Hook(assembly);
                    case Dispatchers.AssemblyName: return Dispatchers.Hook(assembly);
                    default: return false;
                }
            }
            // One that has the name, and not what we know by that name. A hook that is not to be had keeps no product from starting.
            catch (Exception)
            {
                return false;
            }
        }

        internal static Assembly Loaded(string name)
        {
            return AppDomain.CurrentDomain.GetAssemblies().First(assembly => assembly.GetName().Name == name);
        }

        /// <summary>A method with the parameters (object, EventArgs) as a listener to an event whose arguments are of a class that is not known here.</summary>
        internal static Delegate Listener(EventInfo of, Type type, string method)
        {
            return Delegate.CreateDelegate(of.EventHandlerType, type.GetMethod(method, BindingFlags.Static | BindingFlags.NonPublic));
        }

        /// <summary>What such arguments are about.</summary>
        internal static Exception ExceptionOf(EventArgs arguments)
        {
            return arguments.GetType().GetProperty("Exception")?.GetValue(arguments, null) as Exception;
        }
    }
}
