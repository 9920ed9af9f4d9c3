using System;

namespace ErrorReporting
{
    /// <summary>
    /// What the product is, what may be collected, who is told what, and where reports go. Each method returns these options, and throws a
    /// <see cref="ReporterException"/> where the value is no good. <see cref="Reporter.Start"/> takes them.
    /// </summary>
    /// <example><code>
    /// var options = new ReporterOptions("Example Software", "Ledger", "1.4.2")
    ///     .MailFrom("errors@ledger.example").MailTo("support@ledger.example").Smtp("mail.ledger.example", 587, Tls.StartTls);
    /// Reporter.Start(options);
    /// </code></example>
    public sealed class ReporterOptions : IDisposable
    {
        internal readonly OptionsHandle Handle;

        /// <summary>Options of the product <paramref name="name"/> of <paramref name="vendor"/>, in <paramref name="version"/>.</summary>
        public ReporterOptions(string vendor, string name, string version)
        {
            byte[] a = Native.Utf8(vendor), b = Native.Utf8(name), c = Native.Utf8(version);
            Handle = Native.reporter_options_new_n(a, Native.Length(a), b, Native.Length(b), c, Native.Length(c));
            if (Handle.IsInvalid)
                throw ReporterException.Last(Status.Argument);
        }

        /// <summary>The build within the version: what symbols are filed under.</summary>
        public ReporterOptions Build(string build) { return Set(Native.reporter_options_set_build_n, build); }

        /// <summary>The release channel, such as "stable" or "beta".</summary>
        public ReporterOptions Channel(string channel) { return Set(Native.reporter_options_set_channel_n, channel); }

        /// <summary>The product's own id, by which support routes reports. Default: derived from vendor and name.</summary>
        public ReporterOptions ProductId(Guid id)
        {
            // A Guid's first three fields are in the order of the machine; an id is a row of 16 bytes.
            byte[] bytes = id.ToByteArray();
            Array.Reverse(bytes, 0, 4);
            Array.Reverse(bytes, 4, 2);
            Array.Reverse(bytes, 6, 2);
            return Checked(Native.reporter_options_set_product_id(Handle, bytes));
        }

        /// <summary>One text of the notice. Those left out are not shown.</summary>
        public ReporterOptions Notice(Notice notice, string text)
        {
            byte[] bytes = Native.Utf8(text);
            return Checked(Native.reporter_options_set_notice_n(Handle, (int)notice, bytes, Native.Length(bytes)));
        }

        /// <summary>The folder that keeps reports until they are sent: absolute, and one product's alone.</summary>
        public ReporterOptions Spool(string directory) { return Set(Native.reporter_options_set_spool_n, directory); }

        /// <summary>The program reporter-handler: absolute. Default: beside the native library.</summary>
        public ReporterOptions HandlerProgram(string program) { return Set(Native.reporter_options_set_handler_n, program); }

        /// <summary>A folder with what makes reporter-dialog the product's: an icon, a colour, a link, and words in place of ours. Absolute.</summary>
        public ReporterOptions Branding(string folder) { return Set(Native.reporter_options_set_branding_n, folder); }

        /// <summary>A program that asks the person in place of reporter-dialog and the terminal: absolute. It takes the question by <see cref="ConsentRequest"/>, reporter.h or reporter.hpp.</summary>
        public ReporterOptions Dialog(string program) { return Set(Native.reporter_options_set_dialog_n, program); }

        /// <summary>The vendor's own address, from which reports come.</summary>
        public ReporterOptions MailFrom(string address) { return Set(Native.reporter_options_set_mail_from_n, address); }

        /// <summary>One more address of support, which reports go to.</summary>
        public ReporterOptions MailTo(string address) { return Set(Native.reporter_options_add_mail_to_n, address); }

        /// <summary>Sends by the mail server <paramref name="host"/>; port 0 is the usual one of <paramref name="tls"/>.</summary>
        public ReporterOptions Smtp(string host, int port, Tls tls)
        {
            if (port < 0 || port > ushort.MaxValue)
                throw new ArgumentOutOfRangeException("port", port, "a port is a number up to 65535");
            byte[] bytes = Native.Utf8(host);
            return Checked(Native.reporter_options_set_smtp_n(Handle, bytes, Native.Length(bytes), (ushort)port, (int)tls));
        }

        /// <summary>User name and password for the server given before. A password inside a product can be extracted by its users: a relay that needs none is better.</summary>
        public ReporterOptions SmtpCredentials(string username, string password)
        {
            byte[] a = Native.Utf8(username), b = Native.Utf8(password);
            int status = Native.reporter_options_set_smtp_credentials_n(Handle, a, Native.Length(a), b, Native.Length(b));
            Array.Clear(b, 0, b.Length);
            return Checked(status);
        }

        /// <summary>A root certificate (PEM) to accept in addition to the system's, for the server given before.</summary>
        public ReporterOptions SmtpRootCertificate(byte[] pem)
        {
            if (pem == null)
                throw new ArgumentNullException("pem");
            return Checked(Native.reporter_options_set_smtp_root_certificate(Handle, pem, Native.Length(pem)));
        }

        /// <summary>Writes mails as .eml files into a folder, for another program to send.</summary>
        public ReporterOptions EmlDirectory(string directory) { return Set(Native.reporter_options_set_eml_directory_n, directory); }

        /// <summary>Whether a category of data may be offered to the person at all. Default: <see cref="Policy.Ask"/>.</summary>
        public ReporterOptions CategoryPolicy(Category category, Policy policy)
        {
            return Checked(Native.reporter_options_set_category_policy(Handle, (int)category, (int)policy));
        }

        /// <summary>
        /// Whether errors of a kind are reported, and with how much memory. Default: <see cref="Policy.Ask"/>; <see cref="Dump.None"/> for handled
        /// errors, <see cref="Dump.Minidump"/> for all others.
        /// </summary>
        public ReporterOptions KindPolicy(ErrorKind kind, Policy policy, Dump dump)
        {
            return Checked(Native.reporter_options_set_kind_policy(Handle, (int)kind, (int)policy, (int)dump));
        }

        /// <summary>Reports a hang, once <see cref="Reporter.Heartbeat"/> was called and then is not called for so long. Zero: hangs are not looked for.</summary>
        public ReporterOptions HangAfter(TimeSpan silence)
        {
            return Checked(Native.reporter_options_set_hang_after(Handle, Reporter.Milliseconds(silence)));
        }

        /// <summary>Puts the product's command line into reports. Off by default, since arguments can hold the user's data.</summary>
        public ReporterOptions IncludeCommandLine(bool include)
        {
            return Checked(Native.reporter_options_set_include_command_line(Handle, include));
        }

        /// <summary>Keeps of stacks only what looks like an address. Off by default.</summary>
        public ReporterOptions SanitisedStacks(bool sanitised)
        {
            return Checked(Native.reporter_options_set_sanitised_stacks(Handle, sanitised));
        }

        /// <summary>Blanks out all but the product's own windows in an image of the desktop. Off by default.</summary>
        public ReporterOptions OwnWindowsOnly(bool only)
        {
            return Checked(Native.reporter_options_set_own_windows_only(Handle, only));
        }

        /// <summary>Reports within 24 hours: of errors with the same signature, and of all. 0 is no limit. Default: 5 and 25.</summary>
        public ReporterOptions Limits(int perSignature, int perDay)
        {
            if (perSignature < 0 || perDay < 0)
                throw new ArgumentOutOfRangeException(perSignature < 0 ? "perSignature" : "perDay", "a limit is not negative");
            return Checked(Native.reporter_options_set_limits(Handle, (uint)perSignature, (uint)perDay));
        }

        /// <summary>
        /// Has <paramref name="hook"/> look at each exception before it is handed over: it may change what is said, and answers whether to report it at all. Not for
        /// crashes and hangs, where nothing of the product's can be relied on. It runs in the thread that captures, in several at once where several do. A hook that throws
        /// has said no. What it captures itself is dropped.
        /// </summary>
        public ReporterOptions BeforeSend(Func<CapturedError, bool> hook)
        {
            if (hook == null)
                throw new ArgumentNullException("hook");
            return Checked(ErrorReporting.BeforeSend.Set(Handle, hook));
        }

        /// <summary>Starts the product again after a crash, with these arguments, if it had run for <paramref name="uptime"/>. Never in a loop.</summary>
        public ReporterOptions Restart(TimeSpan uptime, params string[] arguments)
        {
            Checked(Native.reporter_options_set_restart(Handle, Reporter.Milliseconds(uptime)));
            foreach (string argument in arguments)
                Set(Native.reporter_options_add_restart_argument_n, argument);
            return this;
        }

        /// <summary>Frees options that were not started.</summary>
        public void Dispose()
        {
            Handle.Dispose();
        }

        private delegate int TextSetter(OptionsHandle options, byte[] text, UIntPtr length);

        private ReporterOptions Set(TextSetter setter, string text)
        {
            byte[] bytes = Native.Utf8(text);
            return Checked(setter(Handle, bytes, Native.Length(bytes)));
        }

        private ReporterOptions Checked(int status)
        {
            ReporterException.Check(status);
            return this;
        }
    }
}
