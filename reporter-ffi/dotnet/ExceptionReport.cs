using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Threading;

namespace ErrorReporting
{
    /// <summary>An exception as the library takes it: each exception inside it a link, with type, message, HRESULT and frames.</summary>
    internal static class ExceptionReport
    {
        /// <summary>Links that a report keeps, the outermost among them.</summary>
        private const int MostLinks = 32;
        /// <summary>Frames that a report keeps of each.</summary>
        private const int MostFrames = 256;

        /// <summary>
        /// The exceptions that were reported and that the program went on after: a second report of one would tell nothing. A hook sees what the product
        /// captures in a handler of its own, or throws again.
        /// </summary>
        private static readonly ConditionalWeakTable<Exception, StrongBox<int>> Reported = new ConditionalWeakTable<Exception, StrongBox<int>>();

        internal static Status Capture(Exception exception)
        {
            StrongBox<int> isReported = Reported.GetOrCreateValue(exception);
            if (Interlocked.Exchange(ref isReported.Value, 1) != 0)
                return Status.Ok;
            Status status = Report(exception, Native.reporter_capture_error);
            if (status != Status.Ok)
                isReported.Value = 0;
            return status;
        }

        internal static Status CaptureUnhandled(Exception exception)
        {
            return Report(exception, Native.reporter_capture_unhandled);
        }

        private static Status Report(Exception exception, Func<IntPtr, int> capture)
        {
            if (!Native.IsThere)
                return Status.Unsupported;
            try
            {
                ManagedRuntime.AttachAssemblies();
                using (ErrorHandle error = Describe(exception))
                    return (Status)BeforeSend.Capture(exception, capture, error.Take());
            }
            catch (OutOfMemoryException)
            {
                return Status.Io;
            }
        }

        private static ErrorHandle Describe(Exception exception)
        {
            ErrorHandle error = null;
            foreach (Exception link in Links(exception).Take(MostLinks))
            {
                byte[] type = Native.Utf8(link.GetType().FullName), message = Native.Utf8(MessageOf(link));
                if (error == null)
                    error = Native.reporter_error_new_n(type, Native.Length(type), message, Native.Length(message));
                else
                    Native.reporter_error_add_cause_n(error, type, Native.Length(type), message, Native.Length(message));
                Native.reporter_error_set_code(error, link.HResult);
                AddFrames(error, FramesOf(link));
            }
            string thread = Thread.CurrentThread.Name;
            if (!string.IsNullOrEmpty(thread))
            {
                byte[] name = Native.Utf8(thread);
                Native.reporter_error_set_thread_name_n(error, name, Native.Length(name));
            }
            return error;
        }

        /// <summary>An exception and all that is inside it, each before what caused it. An aggregate's are all there, one after the other.</summary>
        private static IEnumerable<Exception> Links(Exception exception)
        {
            yield return exception;
            var aggregate = exception as AggregateException;
            IEnumerable<Exception> inner = aggregate != null ? aggregate.InnerExceptions : Enumerable.Repeat(exception.InnerException, 1);
            foreach (Exception link in inner.Where(link => link != null).SelectMany(Links))
                yield return link;
        }

        /// <summary>A class of the product's own can have any code there.</summary>
        private static string MessageOf(Exception exception)
        {
            try
            {
                return exception.Message;
            }
            catch (Exception error)
            {
                return "(its message throws a " + error.GetType().FullName + ")";
            }
        }

        /// <summary>Where it was thrown; of one that never was, where we are called from.</summary>
        private static IEnumerable<StackFrame> FramesOf(Exception exception)
        {
            StackFrame[] frames = new StackTrace(exception, true).GetFrames();
            if (frames != null && frames.Length > 0)
                return frames;
            Assembly own = typeof(ExceptionReport).Assembly;
            frames = new StackTrace(true).GetFrames() ?? new StackFrame[0];
            return frames.SkipWhile(frame => frame.GetMethod() == null || frame.GetMethod().Module.Assembly == own);
        }

        private static void AddFrames(ErrorHandle error, IEnumerable<StackFrame> frames)
        {
            foreach (StackFrame frame in frames.Take(MostFrames))
            {
                MethodBase method = frame.GetMethod();
                if (method == null)
                    continue;
                byte[] name = Native.Utf8(NameOf(method)), assembly = Native.Utf8(method.Module.Assembly.FullName);
                Native.reporter_error_add_frame_n(error, name, Native.Length(name), assembly, Native.Length(assembly));
                AddPlace(error, method, frame.GetILOffset());
                byte[] file = Native.Utf8(frame.GetFileName());
                if (file.Length > 0)
                    Native.reporter_error_set_frame_location_n(error, file, Native.Length(file), (uint)Math.Max(frame.GetFileLineNumber(), 0));
            }
        }

        /// <summary>Methods that were made while the program runs have neither a token nor a module on disk.</summary>
        private static void AddPlace(ErrorHandle error, MethodBase method, int offset)
        {
            try
            {
                uint known = offset == StackFrame.OFFSET_UNKNOWN ? 0 : (uint)offset;
                Native.reporter_error_set_frame_method(error, method.Module.ModuleVersionId.ToByteArray(), (uint)method.MetadataToken, known);
            }
            catch (Exception gone) when (gone is InvalidOperationException || gone is NotSupportedException || gone is NotImplementedException)
            {
            }
        }

        /// <summary>Such as <c>Ledger.Book.Close(Boolean)</c>.</summary>
        private static string NameOf(MethodBase method)
        {
            string type = method.DeclaringType == null ? "" : method.DeclaringType.FullName + ".";
            string parameters;
            try
            {
                parameters = string.Join(", ", method.GetParameters().Select(parameter => parameter.ParameterType.Name).ToArray());
            }
            // Of an assembly that is not installed.
            catch (System.IO.IOException)
            {
                parameters = "?";
            }
            return type + method.Name + "(" + parameters + ")";
        }
    }
}
