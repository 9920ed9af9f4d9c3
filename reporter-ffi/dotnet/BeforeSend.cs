using System;
using System.Runtime.InteropServices;

namespace ErrorReporting
{
    /// <summary>An error that is about to be handed over, as the hook of <see cref="ReporterOptions.BeforeSend"/> sees it, for the time of its call.</summary>
    public sealed class CapturedError
    {
        private IntPtr error;

        internal CapturedError(IntPtr error, Exception exception)
        {
            this.error = error;
            Exception = exception;
        }

        /// <summary>What is reported; <c>null</c> where native code reports.</summary>
        public Exception Exception { get; private set; }

        /// <summary>How many links the error has: itself and its causes.</summary>
        public int Count { get { return (int)Native.reporter_error_count(error); } }

        /// <summary>The type of a link: 0 is the error itself, then come its causes. <c>null</c> where there is no such link.</summary>
        public string Type(int index)
        {
            return Native.Text(Native.reporter_error_type(error, Index(index)));
        }

        /// <summary>The words of a link.</summary>
        public string Message(int index)
        {
            return Native.Text(Native.reporter_error_message(error, Index(index)));
        }

        /// <summary>Other words for a link, to take out what is not to leave the machine. Throws where there is no such link.</summary>
        public void SetMessage(int index, string message)
        {
            byte[] bytes = Native.Utf8(message);
            ReporterException.Check(Native.reporter_error_set_message_n(error, Index(index), bytes, Native.Length(bytes)));
        }

        /// <summary>From now on it is nobody's: its functions answer that there is none.</summary>
        internal void Close()
        {
            error = IntPtr.Zero;
        }

        private static UIntPtr Index(int index)
        {
            return index < 0 ? new UIntPtr(uint.MaxValue) : new UIntPtr((uint)index);
        }
    }

    /// <summary>The hook of the options, as the library calls it.</summary>
    internal static class BeforeSend
    {
        /// <summary>What this thread reports. The library calls the hook in the thread that captures, so it need not go there and back as a hint.</summary>
        [ThreadStatic] private static Exception reported;

        /// <summary>The library calls it as long as the process lives, so it is never collected.</summary>
        private static readonly Native.Look Look = Ask;

        internal static int Set(OptionsHandle options, Func<CapturedError, bool> hook)
        {
            // Never freed: a process sets one hook, or few.
            return Native.reporter_options_set_before_send(options, Look, GCHandle.ToIntPtr(GCHandle.Alloc(hook)));
        }

        /// <summary>Captures what was made of an exception, which the hook is told of.</summary>
        internal static int Capture(Exception exception, Func<IntPtr, int> capture, IntPtr error)
        {
            // The hook may capture in turn: the library drops that, and we are back here.
            Exception outer = reported;
            reported = exception;
            try
            {
                return capture(error);
            }
            finally
            {
                reported = outer;
            }
        }

        private static bool Ask(IntPtr error, IntPtr hint, IntPtr data)
        {
            CapturedError captured = null;
            try
            {
                captured = new CapturedError(error, reported);
                return ((Func<CapturedError, bool>)GCHandle.FromIntPtr(data).Target)(captured);
            }
            catch (Exception)
            {
                // What would have been taken out is in it still.
                return false;
            }
            finally
            {
                if (captured != null)
                    captured.Close();
            }
        }
    }
}
