namespace ErrorReporting
{
    /// <summary>A text that the person is shown before deciding, and that the report's consent record keeps.</summary>
    public enum Notice
    {
        /// <summary>What the data may be used for.</summary>
        Purpose = 1,
        /// <summary>Who receives it.</summary>
        Recipient = 2,
        /// <summary>Who may read it.</summary>
        Access = 3,
        /// <summary>How long it is kept.</summary>
        Retention = 4,
        /// <summary>How the person has it deleted.</summary>
        Erasure = 5,
    }

    /// <summary>How the connection to the mail server is protected.</summary>
    public enum Tls
    {
        /// <summary>TLS from the first byte on, usually port 465.</summary>
        Implicit = 1,
        /// <summary>STARTTLS, required, usually port 587.</summary>
        StartTls = 2,
        /// <summary>None, usually port 25: a relay on this machine. Credentials are refused with it.</summary>
        None = 3,
    }

    /// <summary>A category of data: one switch of the consent dialog.</summary>
    public enum Category
    {
        /// <summary>Recent actions of the user.</summary>
        Actions = 2,
        /// <summary>Stacks, registers, code around instruction pointers, modules.</summary>
        Memory = 3,
        /// <summary>Every readable page.</summary>
        FullMemory = 4,
        /// <summary>Running applications, services and drivers.</summary>
        Processes = 5,
        /// <summary>Operating system, language, volumes, CPU.</summary>
        System = 6,
        /// <summary>The account that launched the application.</summary>
        Account = 7,
        /// <summary>Host and domain name, DNS, proxy or global address; never a local address.</summary>
        Network = 8,
        /// <summary>Installed programs and services.</summary>
        InstalledSoftware = 9,
        /// <summary>Network cards, printers, displays.</summary>
        Devices = 10,
        /// <summary>An image of the desktop.</summary>
        Screen = 11,
        /// <summary>Name, e-mail address and description that the user types.</summary>
        Contact = 12,
        /// <summary>Annotations and the product's command line.</summary>
        Product = 13,
        /// <summary>Files that the product attaches.</summary>
        Attachments = 14,
    }

    /// <summary>Whether something may be offered to the person.</summary>
    public enum Policy
    {
        /// <summary>Ask the person, who may decline it.</summary>
        Ask = 1,
        /// <summary>Never collect it.</summary>
        Never = 2,
    }

    /// <summary>A kind of error.</summary>
    public enum ErrorKind
    {
        /// <summary>A fault: a signal or a structured exception.</summary>
        Crash = 1,
        /// <summary>A panic of a library in Rust.</summary>
        Panic = 2,
        /// <summary>An exception that nothing caught.</summary>
        UnhandledException = 3,
        /// <summary>Given to <see cref="Reporter.Capture(System.Exception)"/> by the product, which goes on.</summary>
        HandledError = 4,
        /// <summary>The product did not answer; see <see cref="ReporterOptions.HangAfter"/>.</summary>
        Hang = 5,
        /// <summary>Memory was asked for that there is not.</summary>
        OutOfMemory = 6,
        /// <summary>The process ended without a clean exit and without a fault that anyone saw.</summary>
        Vanished = 7,
        /// <summary>Asked for by <see cref="Reporter.SimulateCrash"/>.</summary>
        Simulated = 8,
    }

    /// <summary>How much memory goes into a report.</summary>
    public enum Dump
    {
        /// <summary>None: the error, its stack and what the person did.</summary>
        None = 1,
        /// <summary>Stacks and registers of all threads, modules.</summary>
        Minidump = 2,
        /// <summary>Every readable page of the process.</summary>
        FullMemory = 3,
    }

    /// <summary>Where a command was invoked.</summary>
    public enum Surface
    {
        /// <summary>A menu.</summary>
        Menu = 1,
        /// <summary>A toolbar.</summary>
        Toolbar = 2,
        /// <summary>A key.</summary>
        Shortcut = 3,
        /// <summary>A command line.</summary>
        CommandLine = 4,
    }

    /// <summary>A text of the question that a product's own dialog asks.</summary>
    public enum Question
    {
        /// <summary>The product's name.</summary>
        Product = 1,
        /// <summary>Its version.</summary>
        Version = 2,
        /// <summary>Its vendor.</summary>
        Vendor = 3,
        /// <summary>What happened, in a line, or in one for each error where the question is about several; can be empty. It can quote the product, or what the product was fed with.</summary>
        Title = 4,
        /// <summary>What the data may be used for. This and all below: the notice of the options, to be shown where not empty.</summary>
        Purpose = 5,
        /// <summary>Who receives it.</summary>
        Recipient = 6,
        /// <summary>Who may read it.</summary>
        Access = 7,
        /// <summary>How long it is kept.</summary>
        Retention = 8,
        /// <summary>How the person has it deleted.</summary>
        Erasure = 9,
    }

    /// <summary>What the person types into a product's own dialog.</summary>
    public enum ContactPart
    {
        /// <summary>At most 100 characters.</summary>
        FirstName = 1,
        /// <summary>At most 100 characters.</summary>
        LastName = 2,
        /// <summary>At most 254 bytes. One that nobody can write to makes the whole answer void.</summary>
        Email = 3,
        /// <summary>What the person saw. At most 4,000 characters.</summary>
        Description = 4,
        /// <summary>In which to answer: a language tag such as "de" or "pt-BR".</summary>
        Language = 5,
    }

    /// <summary>What the person says in a product's own dialog.</summary>
    public enum Answer
    {
        /// <summary>Send what is chosen.</summary>
        Send = 1,
        /// <summary>And from now on send the same categories without asking.</summary>
        SendAlways = 2,
        /// <summary>Send nothing, and destroy what was collected.</summary>
        Decline = 3,
        /// <summary>And collect nothing until the product's version changes.</summary>
        DeclineForVersion = 4,
        /// <summary>And collect nothing, and do not ask, from now on.</summary>
        DeclineAlways = 5,
        /// <summary>Keep it, and ask another time.</summary>
        Later = 6,
        /// <summary>This program cannot show anything here, for want of a display.</summary>
        CannotAsk = 7,
    }

    /// <summary>What a function of the library answers. The numbers are frozen.</summary>
    public enum Status
    {
        /// <summary>It is done.</summary>
        Ok = 0,
        /// <summary>Something is missing that must be given.</summary>
        Null = -1,
        /// <summary>A text is not UTF-8.</summary>
        Utf8 = -2,
        /// <summary>A value is out of range or contradicts another.</summary>
        Argument = -3,
        /// <summary>Reporting was started before, and not shut down since.</summary>
        Started = -4,
        /// <summary>The operating system refused a file, a socket or memory.</summary>
        Io = -5,
        /// <summary>More or larger than is allowed.</summary>
        Limit = -6,
        /// <summary>It was not done in time; it may still be done later.</summary>
        Timeout = -7,
        /// <summary>A bug of the library, which was kept inside it.</summary>
        Panic = -8,
        /// <summary>Not on this operating system.</summary>
        Unsupported = -9,
        /// <summary>Another copy of the library, such as a host's, reports for this process already.</summary>
        SecondCopy = -10,
    }
}
