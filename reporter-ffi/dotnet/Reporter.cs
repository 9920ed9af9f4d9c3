using System;
using System.Collections.Generic;

namespace ErrorReporting
{
    /// <summary>
    /// Error reporting for this process. What a product calls while it works never throws: it answers with a <see cref="Status"/> that may be ignored, also while
    /// reporting is off, and where the native library is missing (see <see cref="Start"/>).
    /// </summary>
    public static class Reporter
    {
        /// <summary>
        /// Starts the handler and begins to report: faults of native code, and exceptions that nobody catches. Takes the options.
        ///
        /// That it returns says that the product may go on, not that all works: ask <see cref="IsActive"/> and <see cref="SoftErrors"/>. Throws a
        /// <see cref="ReporterException"/> for options that are no good, or where reporting was started before, and a <see cref="DllNotFoundException"/>
        /// where the native library is not installed.
        /// </summary>
        public static void Start(ReporterOptions options)
        {
            if (options == null)
                throw new ArgumentNullException("options");
            ReporterException.Check(Native.reporter_start(options.Handle.Take()));
            Hooks.Install();
            ManagedRuntime.Annotate();
        }

        /// <summary>
        /// Begins to report the exceptions of managed code that nobody catches, where the native program that hosts this runtime has started reporting itself: instead of
        /// <see cref="Start"/>. Native handlers are put on top again (see <see cref="Rearm"/>), since a runtime that comes later brings its own.
        /// Answers <see cref="Status.Argument"/> where nobody has started reporting.
        /// </summary>
        public static Status Attach()
        {
            if (!Native.IsThere)
                return Status.Unsupported;
            if (!Native.reporter_is_active())
                return Status.Argument;
            Hooks.Install();
            ManagedRuntime.Annotate();
            return (Status)Native.reporter_rearm();
        }

        /// <summary>
        /// Reports what Windows Forms and WPF catch of event handlers in this thread: for each further thread that has windows of its own.
        /// <see cref="Start"/> does it for the thread that calls it, also where the assembly of either is loaded by that thread later on. Calling it again does nothing.
        ///
        /// Such exceptions are handled errors, since the program goes on. What it does then stays as it is: who listens to <c>Application.ThreadException</c> is called,
        /// or the dialog of Windows Forms is shown. In .NET one listener to that event replaces another, so a product that adds its own calls this afterwards.
        /// Of WPF those are reported that the product marks as <c>Handled</c>; others end the program, and are reported as unhandled.
        /// Answers <see cref="Status.Unsupported"/> where there is nothing to listen to, and for Windows Forms under a debugger, which would not stop any more.
        /// </summary>
        public static Status HookThread()
        {
            return Native.IsThere && Hooks.HookThread() ? Status.Ok : Status.Unsupported;
        }

        /// <summary>Whether errors are caught and a handler takes them. Waits for the handler's first answer, two seconds at most.</summary>
        public static bool IsActive { get { return Native.IsThere && Native.reporter_is_active(); } }

        /// <summary>What does not work, now and since the start: a missing handler, an unwritable spool …</summary>
        public static IList<string> SoftErrors
        {
            get
            {
                var errors = new List<string>();
                if (!Native.IsThere)
                    return errors;
                for (uint index = 0; ; index++)
                {
                    string error = Native.Text(Native.reporter_soft_error(new UIntPtr(index)));
                    if (error == null)
                        return errors;
                    errors.Add(error);
                }
            }
        }

        /// <summary>The version of the native library. Throws a <see cref="DllNotFoundException"/> where that is not installed.</summary>
        public static string LibraryVersion { get { return Native.Text(Native.reporter_version_text()); } }

        /// <summary>Waits until what was reported so far is stored and, as far as the time allows, delivered.</summary>
        public static Status Flush(TimeSpan timeout)
        {
            return Native.IsThere ? (Status)Native.reporter_flush(Milliseconds(timeout)) : Status.Unsupported;
        }

        /// <summary>Ends reporting: the product ends as it should.</summary>
        public static Status Shutdown(TimeSpan timeout)
        {
            Hooks.Remove();
            return Native.IsThere ? (Status)Native.reporter_shutdown(Milliseconds(timeout)) : Status.Unsupported;
        }

        /// <summary>Makes a report as a crash would, and goes on: to try the way to support.</summary>
        public static Status SimulateCrash()
        {
            return Native.IsThere ? (Status)Native.reporter_simulate_crash() : Status.Unsupported;
        }

        /// <summary>Puts the library's handlers on top again, after a native plug-in has replaced them.</summary>
        public static Status Rearm()
        {
            return Native.IsThere ? (Status)Native.reporter_rearm() : Status.Unsupported;
        }

        /// <summary>The product answers: for each round of its main loop, in the thread that must not hang.</summary>
        public static Status Heartbeat()
        {
            return Native.IsThere ? (Status)Native.reporter_heartbeat() : Status.Unsupported;
        }

        /// <summary>Until the next <see cref="Heartbeat"/> the product waits on purpose.</summary>
        public static Status HeartbeatPause()
        {
            return Native.IsThere ? (Status)Native.reporter_heartbeat_pause() : Status.Unsupported;
        }

        /// <summary>
        /// Begins a task: what the user works on, in the product's own words, not the user's data. Dispose of it in the same thread.
        /// </summary>
        public static ReporterTask BeginTask(string name)
        {
            byte[] bytes = Native.Utf8(name);
            return new ReporterTask(Native.IsThere ? Native.reporter_task_begin_n(bytes, Native.Length(bytes)) : 0);
        }

        /// <summary>The user invoked a command: its stable id, its label as the user saw it, and where.</summary>
        public static Status Command(string id, string label, Surface surface)
        {
            if (!Native.IsThere)
                return Status.Unsupported;
            byte[] a = Native.Utf8(id), b = Native.Utf8(label);
            return (Status)Native.reporter_command_n(a, Native.Length(a), b, Native.Length(b), (int)surface);
        }

        /// <summary>A dialog is shown, named by the product's own stable id.</summary>
        public static Status DialogOpened(string id)
        {
            if (!Native.IsThere)
                return Status.Unsupported;
            byte[] bytes = Native.Utf8(id);
            return (Status)Native.reporter_dialog_opened_n(bytes, Native.Length(bytes));
        }

        /// <summary>A dialog was closed with a result such as "ok" or "cancel".</summary>
        public static Status DialogClosed(string id, string result)
        {
            if (!Native.IsThere)
                return Status.Unsupported;
            byte[] a = Native.Utf8(id), b = Native.Utf8(result);
            return (Status)Native.reporter_dialog_closed_n(a, Native.Length(a), b, Native.Length(b));
        }

        /// <summary>Sets the fact <paramref name="key"/> in all reports from now on. There is room for 64.</summary>
        public static Status Annotate(string key, string value)
        {
            if (!Native.IsThere)
                return Status.Unsupported;
            byte[] a = Native.Utf8(key), b = Native.Utf8(value);
            return (Status)Native.reporter_annotate_n(a, Native.Length(a), b, Native.Length(b));
        }

        /// <summary>Forgets the fact <paramref name="key"/>.</summary>
        public static Status RemoveAnnotation(string key)
        {
            if (!Native.IsThere)
                return Status.Unsupported;
            byte[] bytes = Native.Utf8(key);
            return (Status)Native.reporter_remove_annotation_n(bytes, Native.Length(bytes));
        }

        /// <summary>Attaches a file to every report from now on; it is read when the error happens.</summary>
        public static Status AttachFile(string name, string mediaType, string path)
        {
            if (!Native.IsThere)
                return Status.Unsupported;
            byte[] a = Native.Utf8(name), b = Native.Utf8(mediaType), c = Native.Utf8(path);
            return (Status)Native.reporter_attach_file_n(a, Native.Length(a), b, Native.Length(b), c, Native.Length(c));
        }

        /// <summary>Attaches a copy of these bytes to every report from now on.</summary>
        public static Status AttachBytes(string name, string mediaType, byte[] bytes)
        {
            if (!Native.IsThere)
                return Status.Unsupported;
            if (bytes == null)
                return Status.Null;
            byte[] a = Native.Utf8(name), b = Native.Utf8(mediaType);
            return (Status)Native.reporter_attach_bytes_n(a, Native.Length(a), b, Native.Length(b), bytes, Native.Length(bytes));
        }

        /// <summary>Reports an exception that the product has caught, with its stack and all that is inside it, and goes on. <c>null</c> is nothing, and so is
        /// the same object a second time.</summary>
        public static Status Capture(Exception exception)
        {
            return exception == null ? Status.Null : ExceptionReport.Capture(exception);
        }

        /// <summary>Reports an exception that nobody has caught: for a hook of the product's own that the runtime calls in the end. Holds the thread until the report is made.</summary>
        public static Status CaptureUnhandled(Exception exception)
        {
            return exception == null ? Status.Null : ExceptionReport.CaptureUnhandled(exception);
        }

        internal static uint Milliseconds(TimeSpan time)
        {
            double milliseconds = time.TotalMilliseconds;
            return milliseconds <= 0 ? 0 : milliseconds >= uint.MaxValue ? uint.MaxValue : (uint)milliseconds;
        }
    }

    /// <summary>A task that was begun. It ends when it is disposed of; one that failed says so first, by <see cref="Fail"/>.</summary>
    public sealed class ReporterTask : IDisposable
    {
        private ulong id;

        internal ReporterTask(ulong id)
        {
            this.id = id;
        }

        /// <summary>Ends it as a task that failed.</summary>
        public void Fail()
        {
            if (id != 0)
                Native.reporter_task_fail(id);
            id = 0;
        }

        /// <summary>Ends it. Once is enough, more does nothing.</summary>
        public void Dispose()
        {
            if (id != 0)
                Native.reporter_task_end(id);
            id = 0;
        }
    }
}
