// A product whose event handlers fail in what stands in for Windows Forms and WPF. Its arguments are steps, taken one after another.
using System;
using System.Runtime.CompilerServices;
using System.Threading;
using System.Windows.Forms;
using System.Windows.Threading;
using ErrorReporting;

static class Window {
    static void Import() {
        throw new InvalidOperationException("the statement cannot be imported");
    }

    static void Listen(object sender, System.Windows.Forms.ThreadExceptionEventArgs arguments) {
        Console.WriteLine("listener: " + arguments.Exception.Message);
    }

    static void Capture(object sender, System.Windows.Forms.ThreadExceptionEventArgs arguments) {
        Console.WriteLine("listener: " + Reporter.Capture(arguments.Exception));
    }

    // Of their own, so that the assemblies are loaded when a step first needs them.
    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Forms(string step) {
        switch (step) {
            case "forms-listen": Application.ThreadException += Listen; break;
            case "forms-capture": Application.ThreadException += Capture; break;
            case "forms-quit": ThreadExceptionDialog.Answer = DialogResult.Abort; break;
            case "forms-fail": Application.Dispatch(Import); break;
            case "forms-fail-in-thread":
                var thread = new Thread(() => {
                    Console.WriteLine("hooked: " + Reporter.HookThread());
                    Application.Dispatch(Import);
                });
                thread.Start();
                thread.Join();
                break;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Wpf(string step) {
        Dispatcher dispatcher = Dispatcher.CurrentDispatcher;
        switch (step) {
            case "wpf-handle":
                dispatcher.UnhandledException += (sender, arguments) => {
                    Console.WriteLine("handled: " + arguments.Exception.Message);
                    arguments.Handled = true;
                };
                break;
            case "wpf-fail":
                dispatcher.BeginInvoke((Action)Import);
                dispatcher.BeginInvoke((Action)(() => Console.WriteLine("the next one")));
                dispatcher.Run();
                break;
            case "wpf-fail-and-catch":
                try {
                    dispatcher.BeginInvoke((Action)Import);
                    dispatcher.Run();
                } catch (InvalidOperationException) {
                    Console.WriteLine("caught outside");
                }
                dispatcher.Run();
                break;
        }
    }

    static int Main(string[] steps) {
        foreach (string step in steps) {
            switch (step) {
                case "start": Product.Start(); break;
                case "hook": Console.WriteLine("hooked: " + Reporter.HookThread()); break;
                case "stop": Product.Stop(); break;
                default:
                    if (step.StartsWith("forms"))
                        Forms(step);
                    else
                        Wpf(step);
                    break;
            }
        }
        Console.WriteLine("done");
        return 0;
    }
}
