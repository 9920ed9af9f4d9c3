using System;

namespace ErrorReporting
{
    /// <summary>An option that cannot be set, or a start that failed.</summary>
    public sealed class ReporterException : Exception
    {
        /// <summary>Which kind of failure; the message has the words.</summary>
        public Status Status { get; private set; }

        internal ReporterException(Status status, string message) : base(message)
        {
            Status = status;
        }

        /// <summary>Throws where a call has failed.</summary>
        internal static void Check(int status)
        {
            if (status != Native.Ok)
                throw Last((Status)status);
        }

        /// <summary>Of the last call on this thread that failed.</summary>
        internal static ReporterException Last(Status status)
        {
            return new ReporterException(status, Native.Text(Native.reporter_last_error()));
        }
    }
}
