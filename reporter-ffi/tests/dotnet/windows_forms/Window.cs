// A product with a window, in which a button's handler fails, for Mono. Its arguments are steps, taken one after another.
using System;
using System.Reflection;
using System.Threading;
using System.Windows.Forms;
using ErrorReporting;

static class Window {
    static string[] steps;

    static void Import(object sender, EventArgs arguments) {
        throw new InvalidOperationException("the statement cannot be imported");
    }

    static void Listen(object sender, ThreadExceptionEventArgs arguments) {
        Console.WriteLine("listener: " + arguments.Exception.Message);
        if (Array.IndexOf(steps, "capture") >= 0)
            Reporter.Capture(arguments.Exception);
    }

    // What a mouse does. Not Button.PerformClick: that one's exceptions go to its caller.
    static void Click(Control control) {
        Assembly forms = typeof(Form).Assembly;
        Type message = forms.GetType("System.Windows.Forms.Msg");
        MethodInfo post = forms.GetType("System.Windows.Forms.XplatUI").GetMethod("PostMessage", BindingFlags.NonPublic | BindingFlags.Static, null,
            new[] { typeof(IntPtr), message, typeof(IntPtr), typeof(IntPtr) }, null);
        const int leftButtonDown = 0x201, leftButtonUp = 0x202, at = 5 << 16 | 5;
        foreach (int what in new[] { leftButtonDown, leftButtonUp })
            post.Invoke(null, new object[] { control.Handle, Enum.ToObject(message, what), IntPtr.Zero, (IntPtr)at });
    }

    // The person, a second later.
    static void Close(Form window) {
        var timer = new System.Windows.Forms.Timer { Interval = 1000 };
        timer.Tick += (sender, arguments) => {
            Console.WriteLine("closed by the person");
            window.Close();
        };
        timer.Start();
    }

    static void Run() {
        var button = new Button { Text = "Import" };
        button.Click += Import;
        var window = new Form { Text = "Ledger" };
        window.Controls.Add(button);
        window.Shown += (sender, arguments) => Click(button);
        Close(window);
        Application.Run(window);
        Console.WriteLine("ran");
    }

    static int Main(string[] arguments) {
        steps = arguments;
        foreach (string step in steps) {
            switch (step) {
                case "start": Product.Start(); break;
                case "hook": Console.WriteLine("hooked: " + Reporter.HookThread()); break;
                case "listen": Application.ThreadException += Listen; break;
                case "run": Run(); break;
                case "stop": Product.Stop(); break;
            }
        }
        return 0;
    }
}
