using System;
using System.Linq;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;

namespace ErrorReporting
{
    /// <summary>What support has to know of the runtime and of the assemblies in it.</summary>
    internal static class ManagedRuntime
    {
        /// <summary>How many assemblies the list had that is attached.</summary>
        private static int attached = -1;

        internal static void Annotate()
        {
            Reporter.Annotate("runtime", RuntimeInformation.FrameworkDescription + ", " + RuntimeInformation.ProcessArchitecture);
            AttachAssemblies();
        }

        /// <summary>Full name and module version id of each, a line each; no paths, which can name the person. Done anew once there are more.</summary>
        internal static void AttachAssemblies()
        {
            Assembly[] assemblies = AppDomain.CurrentDomain.GetAssemblies();
            if (assemblies.Length == attached)
                return;
            attached = assemblies.Length;
            var lines = new StringBuilder();
            foreach (Assembly assembly in assemblies.OrderBy(assembly => assembly.FullName, StringComparer.Ordinal))
                lines.Append(assembly.FullName).Append(", Mvid=").Append(MvidOf(assembly)).Append('\n');
            Reporter.AttachBytes("assemblies.txt", "text/plain", Encoding.UTF8.GetBytes(lines.ToString()));
        }

        private static string MvidOf(Assembly assembly)
        {
            // Of one that was made while the program runs there is none.
            return assembly.IsDynamic ? "none" : assembly.ManifestModule.ModuleVersionId.ToString();
        }
    }
}
