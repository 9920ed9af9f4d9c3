using System;
using System.Runtime.InteropServices;
using System.Text;

namespace ErrorReporting
{
    /// <summary>The functions of <c>reporter.h</c> that the classes here are made of. Text goes in UTF-8, by pointer and length.</summary>
    internal static class Native
    {
        /// <summary><c>libreporter.so</c> or <c>reporter.dll</c>; the runtime knows what to put around the name.</summary>
        private const string Library = "reporter";

        /// <summary>Not that of Windows itself, which differs from it on 32 bits.</summary>
        private const CallingConvention C = CallingConvention.Cdecl;

        internal const int Ok = 0;

        /// <summary>Whether the native library is installed, of this process's kind and of this release. A product goes on without it.</summary>
        internal static readonly bool IsThere = Probe();

        private static bool Probe()
        {
            try
            {
                return reporter_version_text() != IntPtr.Zero;
            }
            catch (Exception error) when (error is DllNotFoundException || error is BadImageFormatException || error is EntryPointNotFoundException)
            {
                return false;
            }
        }

        [DllImport(Library, CallingConvention = C)] internal static extern IntPtr reporter_last_error();
        [DllImport(Library, CallingConvention = C)] internal static extern IntPtr reporter_version_text();

        [DllImport(Library, CallingConvention = C)]
        internal static extern OptionsHandle reporter_options_new_n(
            byte[] vendor, UIntPtr vendorLength, byte[] name, UIntPtr nameLength, byte[] version, UIntPtr versionLength);
        [DllImport(Library, CallingConvention = C)] internal static extern void reporter_options_free(IntPtr options);
        [DllImport(Library, CallingConvention = C)] internal static extern int reporter_options_set_build_n(OptionsHandle options, byte[] text, UIntPtr length);
        [DllImport(Library, CallingConvention = C)] internal static extern int reporter_options_set_channel_n(OptionsHandle options, byte[] text, UIntPtr length);
        [DllImport(Library, CallingConvention = C)] internal static extern int reporter_options_set_product_id(OptionsHandle options, byte[] id);
        [DllImport(Library, CallingConvention = C)] internal static extern int reporter_options_set_notice_n(OptionsHandle options, int notice, byte[] text, UIntPtr length);
        [DllImport(Library, CallingConvention = C)] internal static extern int reporter_options_set_spool_n(OptionsHandle options, byte[] text, UIntPtr length);
        [DllImport(Library, CallingConvention = C)] internal static extern int reporter_options_set_handler_n(OptionsHandle options, byte[] text, UIntPtr length);
        [DllImport(Library, CallingConvention = C)] internal static extern int reporter_options_set_branding_n(OptionsHandle options, byte[] text, UIntPtr length);
        [DllImport(Library, CallingConvention = C)] internal static extern int reporter_options_set_dialog_n(OptionsHandle options, byte[] text, UIntPtr length);
        [DllImport(Library, CallingConvention = C)] internal static extern int reporter_options_set_mail_from_n(OptionsHandle options, byte[] text, UIntPtr length);
        [DllImport(Library, CallingConvention = C)] internal static extern int reporter_options_add_mail_to_n(OptionsHandle options, byte[] text, UIntPtr length);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int reporter_options_set_smtp_n(OptionsHandle options, byte[] host, UIntPtr length, ushort port, int tls);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int reporter_options_set_smtp_credentials_n(
            OptionsHandle options, byte[] username, UIntPtr usernameLength, byte[] password, UIntPtr passwordLength);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int reporter_options_set_smtp_root_certificate(OptionsHandle options, byte[] pem, UIntPtr length);
        [DllImport(Library, CallingConvention = C)] internal static extern int reporter_options_set_eml_directory_n(OptionsHandle options, byte[] text, UIntPtr length);
        [DllImport(Library, CallingConvention = C)] internal static extern int reporter_options_set_category_policy(OptionsHandle options, int category, int policy);
        [DllImport(Library, CallingConvention = C)] internal static extern int reporter_options_set_kind_policy(OptionsHandle options, int kind, int policy, int dump);
        [DllImport(Library, CallingConvention = C)] internal static extern int reporter_options_set_hang_after(OptionsHandle options, uint silence);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int reporter_options_set_include_command_line(OptionsHandle options, [MarshalAs(UnmanagedType.I1)] bool include);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int reporter_options_set_sanitised_stacks(OptionsHandle options, [MarshalAs(UnmanagedType.I1)] bool sanitised);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int reporter_options_set_own_windows_only(OptionsHandle options, [MarshalAs(UnmanagedType.I1)] bool only);
        [DllImport(Library, CallingConvention = C)] internal static extern int reporter_options_set_limits(OptionsHandle options, uint perSignature, uint perDay);
        [DllImport(Library, CallingConvention = C)] internal static extern int reporter_options_set_restart(OptionsHandle options, uint uptime);
        [DllImport(Library, CallingConvention = C)] internal static extern int reporter_options_add_restart_argument_n(OptionsHandle options, byte[] text, UIntPtr length);

        [DllImport(Library, CallingConvention = C)] internal static extern int reporter_start(IntPtr options);
        [DllImport(Library, CallingConvention = C)] [return: MarshalAs(UnmanagedType.I1)] internal static extern bool reporter_is_active();
        [DllImport(Library, CallingConvention = C)] internal static extern IntPtr reporter_soft_error(UIntPtr index);
        [DllImport(Library, CallingConvention = C)] internal static extern int reporter_rearm();
        [DllImport(Library, CallingConvention = C)] internal static extern int reporter_flush(uint timeout);
        [DllImport(Library, CallingConvention = C)] internal static extern int reporter_shutdown(uint timeout);
        [DllImport(Library, CallingConvention = C)] internal static extern int reporter_simulate_crash();
        [DllImport(Library, CallingConvention = C)] internal static extern int reporter_heartbeat();
        [DllImport(Library, CallingConvention = C)] internal static extern int reporter_heartbeat_pause();

        [DllImport(Library, CallingConvention = C)] internal static extern ulong reporter_task_begin_n(byte[] name, UIntPtr length);
        [DllImport(Library, CallingConvention = C)] internal static extern int reporter_task_end(ulong task);
        [DllImport(Library, CallingConvention = C)] internal static extern int reporter_task_fail(ulong task);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int reporter_command_n(byte[] id, UIntPtr idLength, byte[] label, UIntPtr labelLength, int surface);
        [DllImport(Library, CallingConvention = C)] internal static extern int reporter_dialog_opened_n(byte[] id, UIntPtr length);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int reporter_dialog_closed_n(byte[] id, UIntPtr idLength, byte[] result, UIntPtr resultLength);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int reporter_annotate_n(byte[] key, UIntPtr keyLength, byte[] value, UIntPtr valueLength);
        [DllImport(Library, CallingConvention = C)] internal static extern int reporter_remove_annotation_n(byte[] key, UIntPtr length);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int reporter_attach_file_n(
            byte[] name, UIntPtr nameLength, byte[] mediaType, UIntPtr mediaTypeLength, byte[] path, UIntPtr pathLength);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int reporter_attach_bytes_n(
            byte[] name, UIntPtr nameLength, byte[] mediaType, UIntPtr mediaTypeLength, byte[] bytes, UIntPtr length);

        [DllImport(Library, CallingConvention = C)]
        internal static extern ErrorHandle reporter_error_new_n(byte[] type, UIntPtr typeLength, byte[] message, UIntPtr messageLength);
        [DllImport(Library, CallingConvention = C)] internal static extern void reporter_error_free(IntPtr error);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int reporter_error_add_cause_n(
            ErrorHandle error, byte[] type, UIntPtr typeLength, byte[] message, UIntPtr messageLength);
        [DllImport(Library, CallingConvention = C)] internal static extern int reporter_error_set_code(ErrorHandle error, long code);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int reporter_error_add_frame_n(
            ErrorHandle error, byte[] method, UIntPtr methodLength, byte[] assembly, UIntPtr assemblyLength);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int reporter_error_set_frame_method(ErrorHandle error, byte[] mvid, uint token, uint ilOffset);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int reporter_error_set_frame_location_n(ErrorHandle error, byte[] file, UIntPtr length, uint line);
        [DllImport(Library, CallingConvention = C)] internal static extern int reporter_error_set_thread_name_n(ErrorHandle error, byte[] name, UIntPtr length);
        [DllImport(Library, CallingConvention = C)] internal static extern int reporter_capture_error(IntPtr error);
        [DllImport(Library, CallingConvention = C)] internal static extern int reporter_capture_unhandled(IntPtr error);

        /// <summary>What the library calls back. No exception may leave it.</summary>
        [UnmanagedFunctionPointer(C)]
        [return: MarshalAs(UnmanagedType.I1)]
        internal delegate bool Look(IntPtr error, IntPtr hint, IntPtr data);
        [DllImport(Library, CallingConvention = C)] internal static extern int reporter_options_set_before_send(OptionsHandle options, Look hook, IntPtr data);
        [DllImport(Library, CallingConvention = C)] internal static extern UIntPtr reporter_error_count(IntPtr error);
        [DllImport(Library, CallingConvention = C)] internal static extern IntPtr reporter_error_type(IntPtr error, UIntPtr index);
        [DllImport(Library, CallingConvention = C)] internal static extern IntPtr reporter_error_message(IntPtr error, UIntPtr index);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int reporter_error_set_message_n(IntPtr error, UIntPtr index, byte[] message, UIntPtr length);

        /// <summary><c>reporter_offer_t</c>.</summary>
        [StructLayout(LayoutKind.Sequential)]
        internal struct RawOffer
        {
            internal int Category;
            [MarshalAs(UnmanagedType.I1)] internal bool Chosen;
            internal ulong Bytes;
            internal IntPtr Contents;
        }
        [StructLayout(LayoutKind.Sequential)]
        internal struct RawPart
        {
            internal UIntPtr FirstLine;
            internal UIntPtr Lines;
            internal ulong Bytes;
            [MarshalAs(UnmanagedType.I1)] internal bool LeftOut;
        }
        [DllImport(Library, CallingConvention = C)] internal static extern RequestHandle reporter_consent_request_read();
        [DllImport(Library, CallingConvention = C)] internal static extern void reporter_consent_request_free(IntPtr request);
        [DllImport(Library, CallingConvention = C)] internal static extern IntPtr reporter_consent_request_text(RequestHandle request, int text);
        [DllImport(Library, CallingConvention = C)] internal static extern int reporter_consent_request_kind(RequestHandle request);
        [DllImport(Library, CallingConvention = C)] internal static extern uint reporter_consent_request_timeout(RequestHandle request);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int reporter_consent_request_offer(RequestHandle request, UIntPtr index, out RawOffer offer);
        [DllImport(Library, CallingConvention = C)] internal static extern UIntPtr reporter_consent_request_reports(RequestHandle request);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int reporter_consent_request_part(RequestHandle request, UIntPtr offer, UIntPtr index, out RawPart part);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int reporter_consent_request_leave_out(RequestHandle request, UIntPtr offer, UIntPtr index, [MarshalAs(UnmanagedType.I1)] bool leftOut);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int reporter_consent_request_image(RequestHandle request, UIntPtr index, out IntPtr png, out UIntPtr length);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int reporter_consent_request_choose(RequestHandle request, int category, [MarshalAs(UnmanagedType.I1)] bool chosen);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int reporter_consent_request_set_contact_n(RequestHandle request, int contact, byte[] text, UIntPtr length);
        [DllImport(Library, CallingConvention = C)] internal static extern int reporter_consent_request_answer(IntPtr request, int answer);

        /// <summary>In UTF-8; nothing for no text. What is no text in UTF-16 (half a pair) becomes the replacement character.</summary>
        internal static byte[] Utf8(string text)
        {
            return string.IsNullOrEmpty(text) ? Nothing : Encoding.UTF8.GetBytes(text);
        }

        internal static UIntPtr Length(byte[] bytes)
        {
            return new UIntPtr((uint)bytes.Length);
        }

        /// <summary>A text of the library's own, which ends with a zero. netstandard2.0 has no <c>PtrToStringUTF8</c>.</summary>
        internal static string Text(IntPtr start)
        {
            if (start == IntPtr.Zero)
                return null;
            int length = 0;
            while (Marshal.ReadByte(start, length) != 0)
                length++;
            var bytes = new byte[length];
            Marshal.Copy(start, bytes, 0, length);
            return Encoding.UTF8.GetString(bytes);
        }

        private static readonly byte[] Nothing = new byte[0];
    }

    /// <summary>What belongs to us until the library takes it.</summary>
    internal abstract class OwnedHandle : SafeHandle
    {
        protected OwnedHandle() : base(IntPtr.Zero, true) { }

        public override bool IsInvalid { get { return handle == IntPtr.Zero; } }

        /// <summary>Gives it to the library, which frees it in any case.</summary>
        internal IntPtr Take()
        {
            IntPtr taken = handle;
            SetHandleAsInvalid();
            handle = IntPtr.Zero;
            return taken;
        }
    }

    /// <summary>Options that were not started yet.</summary>
    internal sealed class OptionsHandle : OwnedHandle
    {
        private OptionsHandle() { }

        protected override bool ReleaseHandle()
        {
            Native.reporter_options_free(handle);
            return true;
        }
    }

    /// <summary>An error that was not captured yet.</summary>
    internal sealed class ErrorHandle : OwnedHandle
    {
        private ErrorHandle() { }

        protected override bool ReleaseHandle()
        {
            Native.reporter_error_free(handle);
            return true;
        }
    }
    /// <summary>A question that was not answered yet.</summary>
    internal sealed class RequestHandle : OwnedHandle
    {
        private RequestHandle() { }

        protected override bool ReleaseHandle()
        {
            Native.reporter_consent_request_free(handle);
            return true;
        }
    }
}
