using System;
using System.ComponentModel;
using System.Diagnostics;
using System.Linq;
using System.Reflection;

namespace ErrorReporting
{
    /// <summary>
    /// Exceptions of a window's event handlers, which the message loop of Windows Forms catches. By reflection: most products have no Windows Forms.
    ///
    /// Situation: whoever listens to <c>Application.ThreadException</c> does so instead of the dialog by which Windows Forms asks whether to go on; and in
    /// .NET a listener takes the place of the one before (Mono calls them all). A product has to behave as it did without us. Handling: who listened
    /// already is called after us; where nobody else listens, we show that dialog.
    /// </summary>
    internal static class WindowsForms
    {
        internal const string AssemblyName = "System.Windows.Forms";

        private const BindingFlags Hidden = BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;

        /// <summary>Listens in this thread. Not where that would change what happens, or cannot be told.</summary>
        internal static bool Hook(Assembly assembly)
        {
            // A debugger stops at an exception, and a product that has asked for it ends by one, only as long as nobody listens.
            bool isNotCaught;
            AppContext.TryGetSwitch("System.Windows.Forms.DoNotCatchUnhandledExceptions", out isNotCaught);
            if (Debugger.IsAttached || isNotCaught)
                return false;
            Type application = assembly.GetType("System.Windows.Forms.Application", true);
            Listeners listeners = Listeners.Of(application);
            if (listeners == null)
                return false;
            Delegate found = listeners.Current;
            if (found != null && found.GetInvocationList().Any(IsOurs))
                return true;
            EventInfo thrown = application.GetEvent("ThreadException");
            Delegate ours = Hooks.Listener(thrown, typeof(WindowsForms), "OnThreadException");
            thrown.AddEventHandler(null, listeners.IsReplaced ? Delegate.Combine(ours, found) : ours);
            return true;
        }

        private static bool IsOurs(Delegate listener)
        {
            return listener.Method.DeclaringType == typeof(WindowsForms);
        }

        /// <summary>The program goes on after it, unless the person or the product decides otherwise: hence no unhandled one.</summary>
        private static void OnThreadException(object sender, EventArgs arguments)
        {
            var exception = Hooks.ExceptionOf(arguments);
            if (exception == null)
                return;
            ExceptionReport.Capture(exception);
            Assembly assembly = Hooks.Loaded(AssemblyName);
            Listeners listeners = Listeners.Of(assembly.GetType("System.Windows.Forms.Application", true));
            if (listeners.Current == null || listeners.Current.GetInvocationList().All(IsOurs))
                GoOn(assembly, exception, !listeners.IsReplaced);
        }

        /// <summary>Goes on as Windows Forms does where nobody listens.</summary>
        private static void GoOn(Assembly assembly, Exception exception, bool asMono)
        {
            Func<string, Type> type = name => assembly.GetType("System.Windows.Forms." + name, true);
            Action exit = () => type("Application").GetMethod("Exit", Type.EmptyTypes).Invoke(null, null);
            if (!(bool)type("SystemInformation").GetProperty("UserInteractive").GetValue(null, null))
            {
                // A service, whose exceptions are nobody's; for Mono each program outside of Windows, of which it ends the windows.
                if (asMono)
                {
                    Console.WriteLine(exception);
                    exit();
                }
                return;
            }
            object answer;
            using (var dialog = (IDisposable)Activator.CreateInstance(type("ThreadExceptionDialog"), exception))
                answer = dialog.GetType().GetMethod("ShowDialog", Type.EmptyTypes).Invoke(dialog, null);
            // Mono's dialog does itself what was chosen.
            if (asMono)
                return;
            if (answer.ToString() == "Abort")
            {
                exit();
                Environment.Exit(0);
            }
            // The dialog of a warning has a button for help instead.
            var warning = exception as WarningException;
            if (answer.ToString() == "Yes" && warning != null)
                type("Help").GetMethod("ShowHelp", new[] { type("Control"), typeof(string), typeof(string) }).Invoke(null, new object[] { null, warning.HelpUrl, warning.HelpTopic });
        }

        /// <summary>Who listens. An event does not tell, so this looks at the field behind it.</summary>
        private sealed class Listeners
        {
            private readonly FieldInfo field;
            private readonly object holder;

            /// <summary>Whether there is one of each thread, which the next one replaces.</summary>
            internal bool IsReplaced { get { return holder != null; } }

            internal Delegate Current { get { return (Delegate)field.GetValue(holder); } }

            private Listeners(FieldInfo field, object holder)
            {
                this.field = field;
                this.holder = holder;
            }

            /// <summary><c>null</c> for a Windows Forms that keeps them elsewhere.</summary>
            internal static Listeners Of(Type application)
            {
                FieldInfo ofAll = application.GetField("ThreadException", Hidden);
                if (ofAll != null)
                    return new Listeners(ofAll, null);
                Type context = application.GetNestedType("ThreadContext", BindingFlags.NonPublic);
                MethodInfo current = context?.GetMethod("FromCurrent", Hidden);
                // .NET, and .NET Framework.
                FieldInfo ofThread = context?.GetField("_threadExceptionHandler", Hidden) ?? context?.GetField("threadExceptionHandler", Hidden);
                return current == null || ofThread == null ? null : new Listeners(ofThread, current.Invoke(null, null));
            }
        }
    }
}
