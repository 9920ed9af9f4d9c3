//! Which of the loader's objects holds an address: what tells a product's native code from a runtime's compiled code.
//!
//! Asked in the signal handler for each fault that may be a managed runtime's, thousands of times where a program lives by catching
//! NullReferenceException. glibc from 2.35 on has a function for unwinders that answers without a lock; before it, `/proc/self/maps` is read.
//! dladdr() and dl_iterate_phdr() take the loader's lock: a thread that faults while another is in dlopen() would wait for it.

use std::{
    ffi::{CStr, c_char},
    mem, ptr,
    sync::atomic::{AtomicPtr, Ordering},
};

/// An executable or library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Object {
    /// Where it begins in memory, as `dli_fbase` of dladdr().
    pub(crate) start: usize,
    /// Managed code that Mono compiled ahead of time, such as `mscorlib.dll.so`.
    pub(crate) managed: bool,
}

/// `struct dl_find_object`, with more room than any architecture's has.
#[repr(C)]
struct Found {
    _flags: u64,
    map_start: usize,
    _map_end: usize,
    link_map: *const LinkMap,
    _rest: [u64; 16],
}

/// The public part of `struct link_map`.
#[repr(C)]
struct LinkMap {
    /// What is added to the addresses in the file: where its first segment begins, unless the file itself says a place for that.
    address: usize,
    name: *const c_char,
}

type Find = unsafe extern "C" fn(*const libc::c_void, *mut Found) -> i32;

static FIND: AtomicPtr<libc::c_void> = AtomicPtr::new(ptr::null_mut());

/// Looks for the loader's function. Not async-signal-safe.
pub(crate) fn prepare() {
    // SAFETY: a name that ends in 0; looks among the objects that are loaded.
    let find = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"_dl_find_object".as_ptr()) };
    FIND.store(find, Ordering::Relaxed);
}

/// The object that holds `address`; none for memory that a program filled by itself, as a just-in-time compiler does, and for no memory at all.
/// Async-signal-safe after [`prepare`].
pub(crate) fn object_at(address: usize) -> Option<Object> {
    let find = FIND.load(Ordering::Relaxed);
    if find.is_null() { maps::object_at(address) } else { ask_loader(find, address) }
}

fn ask_loader(find: *mut libc::c_void, address: usize) -> Option<Object> {
    // SAFETY: the loader's function of this name has this type.
    let find = unsafe { mem::transmute::<*mut libc::c_void, Find>(find) };
    let ask = |address: usize| {
        let mut found = Found { _flags: 0, map_start: 0, _map_end: 0, link_map: ptr::null(), _rest: [0; 16] };
        // SAFETY: async-signal-safe as documented; only compares the address, and fills no more than there is room for.
        (unsafe { find(address as *const libc::c_void, &raw mut found) } == 0).then_some(found)
    };
    let found = ask(address)?;
    // SAFETY: the loader's record of an object that is loaded as long as its code runs.
    let object = unsafe { found.link_map.as_ref() };
    let name = object.map_or(ptr::null(), |object| object.name);
    // SAFETY: null, or the loader's own string, which lives as long as the record.
    let managed = !name.is_null() && is_managed(unsafe { CStr::from_ptr(name) }.to_bytes());
    // Where a page is left out between two segments of a program, as lld does if the first one ends near a page's end, the loader answers with the
    // start of the segment.
    let first = object.and_then(|object| ask(object.address)).filter(|first| first.link_map == found.link_map);
    Some(Object { start: first.unwrap_or(found).map_start, managed })
}

fn is_managed(name: &[u8]) -> bool {
    name.ends_with(b".dll.so") || name.ends_with(b".exe.so")
}

mod maps {
    //! The same from `/proc/self/maps`.

    use super::{Object, is_managed};

    pub(super) fn object_at(address: usize) -> Option<Object> {
        // SAFETY: open(2) is async-signal-safe; the path ends in 0.
        let file = unsafe { libc::open(c"/proc/self/maps".as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) };
        if file < 0 {
            return None;
        }
        let mut search = Search::new(address);
        let mut bytes = [0u8; 512];
        loop {
            // SAFETY: read(2) is async-signal-safe; the buffer is as long as is said.
            let count = unsafe { libc::read(file, bytes.as_mut_ptr().cast(), bytes.len()) };
            let read = usize::try_from(count).map_or(&[][..], |count| &bytes[..count]);
            if read.is_empty() || read.iter().any(|byte| search.take(*byte)) {
                break;
            }
        }
        // SAFETY: close(2) is async-signal-safe; opened above.
        unsafe { libc::close(file) };
        search.found
    }

    /// Reads lines such as `7f51dfe44000-7f51dff9a000 r-xp 00026000 fe:00 326279    /usr/lib/libc.so.6`, byte by byte.
    pub(super) struct Search {
        address: usize,
        /// Start of the object whose lines these are, and its file.
        start: usize,
        file: u64,
        pub(super) found: Option<Object>,
        // Of the line so far.
        field: usize,
        numbers: [u64; 2],
        inode: u64,
        /// The first and the last bytes of the path.
        head: [u8; 5],
        tail: [u8; 7],
        length: usize,
    }

    impl Search {
        pub(super) fn new(address: usize) -> Self {
            Self {
                address,
                start: 0,
                file: 0,
                found: None,
                field: 0,
                numbers: [0; 2],
                inode: 0,
                head: [0; 5],
                tail: [0; 7],
                length: 0,
            }
        }

        /// Takes the next byte; returns whether the search is over.
        pub(super) fn take(&mut self, byte: u8) -> bool {
            let digit = u64::from(char::from(byte).to_digit(16).unwrap_or(0));
            match (self.field, byte) {
                (_, b'\n') => return self.end_line(),
                (0, b'-') | (1..=5, b' ') => self.field += 1,
                (0 | 1, _) => self.numbers[self.field] = self.numbers[self.field] << 4 | digit,
                (5, _) => self.inode = self.inode.wrapping_mul(10).wrapping_add(digit),
                (6, _) if byte != b' ' || self.length > 0 => self.path(byte),
                _ => {}
            }
            false
        }

        fn path(&mut self, byte: u8) {
            if let Some(place) = self.head.get_mut(self.length) {
                *place = byte;
            }
            self.length += 1;
            self.tail.rotate_left(1);
            self.tail[self.tail.len() - 1] = byte;
        }

        fn end_line(&mut self) -> bool {
            let [from, to] = self.numbers.map(|number| number as usize);
            // The loader maps an object's segments one after another; zeroed memory of it may lie between.
            if self.inode != 0 && self.inode != self.file {
                (self.start, self.file) = (from, self.inode);
            }
            let over = self.address < to;
            // A runtime maps its images, `System.Private.CoreLib.dll`, by itself, and some their compiled code as a memory file.
            let image = self.tail.ends_with(b".dll") || self.tail.ends_with(b".exe");
            let memory = &self.head == b"/memf" || &self.head == b"/dev/";
            if (from..to).contains(&self.address) && self.inode != 0 && !image && !memory {
                self.found = Some(Object { start: self.start, managed: is_managed(&self.tail) });
            }
            *self = Self { start: self.start, file: self.file, found: self.found, ..Self::new(self.address) };
            over
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipc::launch::object_of;

    extern "C" fn here() {}

    fn places() -> [(usize, bool); 4] {
        let heap: &'static mut [u8] = vec![0; 1 << 20].leak();
        let code = here as *const () as usize;
        [(code, true), (libc::memcpy as *const () as usize, true), (heap.as_ptr() as usize, false), (0, false)]
    }

    #[test]
    fn code_of_objects_is_told_from_other_memory_in_both_ways() {
        prepare();
        let find = FIND.load(Ordering::Relaxed);
        for (address, is_object) in places() {
            let expected = is_object.then(|| {
                let start = object_of(address as *const libc::c_void).unwrap().dli_fbase as usize;
                Object { start, managed: false }
            });
            assert_eq!(maps::object_at(address), expected, "{address:#x}");
            if !find.is_null() {
                assert_eq!(ask_loader(find, address), expected, "{address:#x}");
            }
        }
    }

    #[test]
    fn a_runtime_s_files_are_no_objects() {
        const MAPS: &str = "\
            00400000-00411000 r-xp 00000000 fe:00 10092603                           /opt/dotnet/dotnet\n\
            00411000-00412000 rw-p 00000000 00:00 0 \n\
            7f5165233000-7f5165234000 rwxp 00000000 00:00 0 \n\
            7f5165323000-7f5165bb4000 r-xp 00023000 fe:00 10092692                   /opt/dotnet/System.Private.CoreLib.dll\n\
            7f5165bb4000-7f5165bb5000 r-xp 00000000 00:01 77                         /memfd:doublemapper (deleted)\n\
            7f51df000000-7f51df001000 r--p 00000000 fe:00 10092780                   /opt/my product/libcoreclr.so\n\
            7f51df001000-7f51df04e000 r-xp 00001000 fe:00 10092780                   /opt/my product/libcoreclr.so\n\
            7f51e0000000-7f51e0001000 r-xp 00001000 fe:00 10092781                   /usr/lib/mono/mscorlib.dll.so\n\
            ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n";
        let find = |address| {
            let mut search = maps::Search::new(address);
            MAPS.bytes().any(|byte| search.take(byte));
            search.found
        };
        for nowhere in
            [0, 0x411010, 0x7f5165233000, 0x7f5165400000, 0x7f5165bb4000, 0x7f51df04e000, usize::MAX - 0xa00000]
        {
            assert_eq!(find(nowhere), None, "{nowhere:#x}");
        }
        assert_eq!(find(0x410fff), Some(Object { start: 0x400000, managed: false }));
        assert_eq!(find(0x7f51df001000), Some(Object { start: 0x7f51df000000, managed: false }));
        assert_eq!(find(0x7f51e0000000), Some(Object { start: 0x7f51e0000000, managed: true }));
    }
}
