//! Exceptions of C++ as Microsoft's compiler throws them: the type's name and what it says, out of what the exception carries.
//!
//! No code of the product runs for it, as a virtual `what` would be: the standard exceptions keep their text in themselves. All is read by the kernel (see
//! [`memory`]): an exception may be anybody's, with anything in it. Safe in an exception handler.

use windows_sys::Win32::System::Diagnostics::Debug::EXCEPTION_RECORD;

use super::memory;
use crate::shared::layout::thrown::TYPE_NAME_BYTES;

/// "msc" as the compiler's runtime gives it to RaiseException.
pub(super) const CODE: i32 = 0xe06d_7363_u32.cast_signed();

/// The versions of what is in an exception. All the same, so far.
const MAGIC: std::ops::RangeInclusive<usize> = 0x1993_0520..=0x1993_0522;
/// Types as which one exception can be caught: as itself and each of its bases.
const MOST_TYPES: usize = 16;
const MESSAGE_BYTES: usize = 1024;

/// What was thrown.
pub(super) struct Thrown {
    name: [u8; TYPE_NAME_BYTES],
    name_length: usize,
    message: [u8; MESSAGE_BYTES],
    message_length: usize,
    /// It is a `std::bad_alloc`, or of a type derived from it.
    pub(super) is_bad_alloc: bool,
}

impl Thrown {
    /// Of an exception with [`CODE`]. `None` for one without a type: `throw;` with nothing to throw, or not what it says.
    pub(super) fn of(record: &EXCEPTION_RECORD) -> Option<Self> {
        let count = (record.NumberParameters as usize).min(record.ExceptionInformation.len());
        let parameters = &record.ExceptionInformation[..count];
        let [magic, object, information, rest @ ..] = parameters else { return None };
        if record.ExceptionCode != CODE || !MAGIC.contains(magic) || *information == 0 {
            return None;
        }
        // On 64 bits all offsets count from the image that throws; on 32 they are addresses.
        let base = if cfg!(target_pointer_width = "64") { *rest.first()? } else { 0 };
        let at = |offset: u32| base.checked_add(offset as usize);
        // ThrowInfo: attributes, destructor, compatibility, and the array of the types.
        let array = at(memory::word(information.checked_add(12)?)?)?;
        let types = (memory::word(array)? as usize).min(MOST_TYPES);

        let mut thrown = Self {
            name: [0; TYPE_NAME_BYTES],
            name_length: 0,
            message: [0; MESSAGE_BYTES],
            message_length: 0,
            is_bad_alloc: false,
        };
        for index in 0..types {
            let Some(kind) = memory::word(array.checked_add(4 + 4 * index)?).and_then(at) else { break };
            // CatchableType: properties, type, and where in the object that base is.
            let [Some(descriptor), Some(offset), Some(virtual_base)] =
                [4, 8, 12].map(|field| kind.checked_add(field).and_then(memory::word))
            else {
                break;
            };
            // TypeDescriptor: its table, a spare pointer, and the decorated name.
            let mut room = [0; TYPE_NAME_BYTES];
            let Some(name) = at(descriptor).and_then(|at| at.checked_add(2 * size_of::<usize>())) else { break };
            let name = memory::text(name, &mut room);
            if index == 0 {
                thrown.name_length = undecorate(name, &mut thrown.name);
            }
            thrown.is_bad_alloc |= name == b".?AVbad_alloc@std@@";
            if name == b".?AVexception@std@@" && virtual_base == u32::MAX {
                thrown.message_length = message(*object, offset, &mut thrown.message);
            }
        }
        Some(thrown)
    }

    pub(super) fn name(&self) -> &[u8] {
        &self.name[..self.name_length]
    }

    pub(super) fn message(&self) -> &[u8] {
        &self.message[..self.message_length]
    }
}

/// The text that a `std::exception` keeps: behind its table, since Visual Studio 2015.
fn message(object: usize, offset: u32, room: &mut [u8]) -> usize {
    let what = object
        .checked_add(offset as usize)
        .and_then(|exception| exception.checked_add(size_of::<usize>()))
        .and_then(memory::pointer);
    what.map_or(0, |what| memory::text(what, room).len())
}

/// `.?AVruntime_error@std@@` as `std::runtime_error`. What is no plain name, as those of templates, stays as it is: a reader of the report can undecorate it.
fn undecorate(name: &[u8], room: &mut [u8]) -> usize {
    let plain = [&b".?AV"[..], b".?AU", b".?AW4"].iter().find_map(|kind| name.strip_prefix(*kind));
    let plain = plain.and_then(|plain| plain.strip_suffix(b"@@")).filter(|plain| !plain.contains(&b'?'));
    let mut length = 0;
    let mut push = |bytes: &[u8]| {
        let size = bytes.len().min(room.len() - length);
        room[length..length + size].copy_from_slice(&bytes[..size]);
        length += size;
    };
    match plain {
        None => push(name),
        Some(plain) => {
            for (index, part) in plain.rsplit(|byte| *byte == b'@').enumerate() {
                if index > 0 {
                    push(b"::");
                }
                push(part);
            }
        }
    }
    length
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    #[test]
    fn names_are_as_the_product_wrote_them() {
        let mut room = [0; 32];
        let mut of = |name: &[u8]| {
            let length = undecorate(name, &mut room);
            String::from_utf8(room[..length].to_vec()).unwrap()
        };
        assert_eq!(of(b".?AVruntime_error@std@@"), "std::runtime_error");
        assert_eq!(of(b".?AUFull@Ledger@@"), "Ledger::Full");
        assert_eq!(of(b".H"), ".H");
        assert_eq!(of(b".?AV?$Odd@H@@"), ".?AV?$Odd@H@@");
        assert_eq!(of(b".?AVA_very_long_name_of_a_class_that_has_no_room@@").len(), 32);
        assert_eq!(of(b""), "");
    }

    /// What the compiler would have written for a class `Ledger::Full` that is a `std::runtime_error` or a `std::bad_alloc`, in memory that begins with the base of all offsets;
    /// on 32 bits these are addresses.
    pub(in super::super) struct Image {
        memory: Box<[u64; 64]>,
        _what: &'static std::ffi::CStr,
    }

    impl Image {
        const INFORMATION: usize = 0x10;
        const ARRAY: usize = 0x20;
        const KINDS: [usize; 2] = [0x40, 0x60];
        const DESCRIPTORS: [usize; 2] = [0x80, 0xc0];
        const OBJECT: usize = 0x100;

        const NAME: usize = 2 * size_of::<usize>();

        pub(in super::super) fn new(base: &str, what: &'static std::ffi::CStr) -> Self {
            let mut image = Self { memory: Box::new([0; 64]), _what: what };
            let origin = if cfg!(target_pointer_width = "64") { 0 } else { image.memory.as_ptr() as usize };
            let place = |offset: usize| ((origin + offset) as u32).to_le_bytes();
            image.put(Self::INFORMATION + 12, &place(Self::ARRAY));
            image.put(Self::ARRAY, &2_u32.to_le_bytes());
            for (index, (kind, descriptor)) in Self::KINDS.into_iter().zip(Self::DESCRIPTORS).enumerate() {
                image.put(Self::ARRAY + 4 + 4 * index, &place(kind));
                image.put(kind + 4, &place(descriptor));
                image.put(kind + 12, &u32::MAX.to_le_bytes());
            }
            image.put(Self::DESCRIPTORS[0] + Self::NAME, b".?AVFull@Ledger@@\0");
            image.put(Self::DESCRIPTORS[1] + Self::NAME, base.as_bytes());
            image.put(Self::OBJECT + size_of::<usize>(), &(what.as_ptr() as usize).to_le_bytes());
            image
        }

        fn put(&mut self, at: usize, bytes: &[u8]) {
            for (index, byte) in bytes.iter().enumerate() {
                let (word, shift) = ((at + index) / 8, 8 * ((at + index) % 8));
                self.memory[word] = self.memory[word] & !(0xff << shift) | u64::from(*byte) << shift;
            }
        }

        /// As they go to RaiseException.
        pub(in super::super) fn parameters(&self) -> Vec<usize> {
            let base = self.memory.as_ptr() as usize;
            let mut parameters = vec![*MAGIC.start(), base + Self::OBJECT, base + Self::INFORMATION];
            parameters.extend(cfg!(target_pointer_width = "64").then_some(base));
            parameters
        }

        fn record(&self) -> EXCEPTION_RECORD {
            let parameters = self.parameters();
            let count = parameters.len() as u32;
            let mut record = EXCEPTION_RECORD { ExceptionCode: CODE, NumberParameters: count, ..Default::default() };
            record.ExceptionInformation[..parameters.len()].copy_from_slice(&parameters);
            record
        }
    }

    #[test]
    fn type_and_text_come_out_of_an_exception() {
        let image = Image::new(".?AVexception@std@@", c"the ledger is full");
        let thrown = Thrown::of(&image.record()).unwrap();
        assert_eq!((thrown.name(), thrown.message()), (&b"Ledger::Full"[..], &b"the ledger is full"[..]));
        assert!(!thrown.is_bad_alloc);
        assert!(Thrown::of(&Image::new(".?AVbad_alloc@std@@", c"").record()).unwrap().is_bad_alloc);
    }

    #[test]
    fn whatever_an_exception_holds_reading_it_does_no_harm() {
        let image = Image::new(".?AVexception@std@@", c"odd");
        for at in 0..64 {
            for value in [0, 1, u64::MAX, 0x7fff_ffff_ffff_fff8, 0x0000_0040_0000_0040, 0xffff_fff0_0000_0000] {
                let mut image = Image { memory: image.memory.clone(), _what: c"" };
                image.memory[at] = value;
                let _ = Thrown::of(&image.record());
            }
        }
        for at in 0..4 {
            for value in [0, 1, usize::MAX, usize::MAX - 11] {
                let mut record = image.record();
                record.ExceptionInformation[at] = value;
                let _ = Thrown::of(&record);
            }
        }
        for count in [0, 2, 3, 15, u32::MAX] {
            let _ = Thrown::of(&EXCEPTION_RECORD { NumberParameters: count, ..image.record() });
        }
        assert!(Thrown::of(&EXCEPTION_RECORD { ExceptionCode: 1, ..image.record() }).is_none());
    }
}
