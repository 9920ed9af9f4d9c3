using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;

namespace ErrorReporting
{
    /// <summary>
    /// The question in a product's own dialog, a program that <see cref="ReporterOptions.Dialog"/> names. The handler starts it for each question; it shows the request
    /// and gives the person's answer. It decides nothing itself, and writes nothing to its standard output. A program that ends without an answer, or has none in time,
    /// has said <see cref="Answer.Later"/>. <see cref="Reporter.Start"/> is not called in it.
    /// </summary>
    /// <example><code>
    /// using (ConsentRequest request = ConsentRequest.Read())
    ///     new ConsentWindow(request).ShowDialog();
    /// </code></example>
    public sealed class ConsentRequest : IDisposable
    {
        private readonly RequestHandle handle;

        private ConsentRequest(RequestHandle handle)
        {
            this.handle = handle;
        }

        /// <summary>
        /// What the handler asks, from standard input. Once. Throws a <see cref="ReporterException"/> where nobody asks, as where a person has started the program.
        /// </summary>
        public static ConsentRequest Read()
        {
            RequestHandle handle = Native.reporter_consent_request_read();
            if (handle.IsInvalid)
                throw ReporterException.Last(Status.Argument);
            return new ConsentRequest(handle);
        }

        /// <summary>A text of the question, empty where there is none.</summary>
        public string Text(Question text)
        {
            return Native.Text(Native.reporter_consent_request_text(Open(), (int)text)) ?? "";
        }

        /// <summary>What kind of error it is; none where this release knows no such kind.</summary>
        public ErrorKind? Kind
        {
            get
            {
                int kind = Native.reporter_consent_request_kind(Open());
                return kind == 0 ? (ErrorKind?)null : (ErrorKind)kind;
            }
        }

        /// <summary>How long the handler waits for the answer, from the start of this program on.</summary>
        public TimeSpan Timeout { get { return TimeSpan.FromMilliseconds(Native.reporter_consent_request_timeout(Open())); } }

        /// <summary>How many errors the question is about: one, or several that have waited for an answer, which holds for all of them.</summary>
        public int Reports { get { return (int)Native.reporter_consent_request_reports(Open()); } }

        /// <summary>What may be sent, a switch each, in the order in which it is shown, as chosen and left out by now.</summary>
        public IList<Offer> Offers
        {
            get
            {
                var offers = new List<Offer>();
                Native.RawOffer offer;
                while (Native.reporter_consent_request_offer(Open(), new UIntPtr((uint)offers.Count), out offer) == Native.Ok)
                    offers.Add(new Offer(offer, Parts(offers.Count)));
                return offers;
            }
        }

        private IList<Part> Parts(int offer)
        {
            var parts = new List<Part>();
            Native.RawPart part;
            while (Native.reporter_consent_request_part(Open(), new UIntPtr((uint)offer), new UIntPtr((uint)parts.Count), out part) == Native.Ok)
                parts.Add(new Part(offer, parts.Count, part));
            return parts;
        }

        /// <summary>Images of the desktop, each a PNG file.</summary>
        public IList<byte[]> Images
        {
            get
            {
                var images = new List<byte[]>();
                IntPtr png;
                UIntPtr length;
                while (Native.reporter_consent_request_image(Open(), new UIntPtr((uint)images.Count), out png, out length) == Native.Ok)
                {
                    var image = new byte[(int)length];
                    Marshal.Copy(png, image, 0, image.Length);
                    images.Add(image);
                }
                return images;
            }
        }

        /// <summary>Sets a switch as the person does. Throws for a category that is not offered.</summary>
        public void Choose(Category category, bool chosen)
        {
            ReporterException.Check(Native.reporter_consent_request_choose(Open(), (int)category, chosen));
        }

        /// <summary>
        /// Leaves a part out of what is sent, or takes it in again. With one left out <see cref="ErrorReporting.Answer.SendAlways"/> is
        /// <see cref="ErrorReporting.Answer.Send"/>: nobody would look through the next report.
        /// </summary>
        public void LeaveOut(Part part, bool leftOut)
        {
            ReporterException.Check(Native.reporter_consent_request_leave_out(Open(), new UIntPtr((uint)part.Offer), new UIntPtr((uint)part.Index), leftOut));
        }

        /// <summary>Sets what the person has typed. Sent with <see cref="Category.Contact"/>, which is chosen until it is switched off.</summary>
        public void Contact(ContactPart part, string text)
        {
            byte[] bytes = Native.Utf8(text);
            ReporterException.Check(Native.reporter_consent_request_set_contact_n(Open(), (int)part, bytes, Native.Length(bytes)));
        }

        /// <summary>Gives the person's answer, after which the program is to end. Throws if the handler does not wait any more; nothing is sent then.</summary>
        public void Answer(Answer answer)
        {
            ReporterException.Check(Native.reporter_consent_request_answer(Open().Take(), (int)answer));
        }

        /// <summary>Without an answer: the same as <see cref="ErrorReporting.Answer.Later"/> once the program ends.</summary>
        public void Dispose()
        {
            handle.Dispose();
        }

        private RequestHandle Open()
        {
            if (handle.IsInvalid || handle.IsClosed)
                throw new ObjectDisposedException("ConsentRequest", "the question was answered, or given up");
            return handle;
        }
    }

    /// <summary>One switch of the dialog, and what it stands for.</summary>
    public sealed class Offer
    {
        /// <summary>None for what is sent whatever is chosen.</summary>
        public Category? Category { get; private set; }

        /// <summary>Whether it is sent if the person leaves the choice as it is.</summary>
        public bool Chosen { get; private set; }

        /// <summary>Bytes before compression; of a memory image, as it would be sent.</summary>
        public long Bytes { get; private set; }

        /// <summary>Every field exactly as it would be sent, a line each. Control characters are escaped.</summary>
        public string Contents { get; private set; }

        /// <summary>What of it can be left out by itself.</summary>
        public IList<Part> Parts { get; private set; }

        /// <summary><c>REPORTER_CATEGORY_ESSENTIAL</c>.</summary>
        private const int Essential = 1;

        internal Offer(Native.RawOffer offer, IList<Part> parts)
        {
            Category = offer.Category == Essential ? (Category?)null : (Category)offer.Category;
            Chosen = offer.Chosen;
            Bytes = (long)offer.Bytes;
            Contents = Native.Text(offer.Contents);
            Parts = parts;
        }
    }

    /// <summary>
    /// Lines of an offer's contents that can be left out by themselves: those of one field, or of one section with all its fields, such as a file. Parts lie in one another; what
    /// holds others comes before them, and they go with it.
    /// </summary>
    public sealed class Part
    {
        internal int Offer { get; private set; }

        internal int Index { get; private set; }

        /// <summary>In <see cref="Offer.Contents"/>, from 0 on.</summary>
        public int FirstLine { get; private set; }

        /// <summary>How many.</summary>
        public int Lines { get; private set; }

        /// <summary>About so many bytes less are sent without it.</summary>
        public long Bytes { get; private set; }

        /// <summary>Whether it was left out when the offers were asked for.</summary>
        public bool LeftOut { get; private set; }

        internal Part(int offer, int index, Native.RawPart part)
        {
            Offer = offer;
            Index = index;
            FirstLine = (int)part.FirstLine;
            Lines = (int)part.Lines;
            Bytes = (long)part.Bytes;
            LeftOut = part.LeftOut;
        }
    }
}
