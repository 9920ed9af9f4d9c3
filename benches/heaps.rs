//! Memory images: taken from processes that are started for it, and grown where a process of that size would take too long.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader},
    os::unix::fs::FileExt,
    process::{Child, Command, Stdio},
};

use report_format::{
    memory::{PAGE, Source},
    schema::v1::MemoryRegion,
};

/// Records as a program has them that read a large JSON file: dictionaries, strings, floats, lists; some of them freed again.
const PYTHON: &str = r#"
import random, sys
want, random = int(sys.argv[1]), random.Random(7)
words = ["".join(random.choices("etaoinshrdlucmfwyp", k=random.randint(2, 11))) for _ in range(4000)]
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096
rows, n = [], 0
while resident() < want:
    for _ in range(2000):
        n += 1
        rows.append({"id": n, "name": " ".join(random.choices(words, k=3)), "price": random.random() * 1000,
            "tags": random.choices(words, k=4), "seen": 1700000000 + n * 7, "note": None if n % 3 else words[n % 4000] * 2,
            "at": (random.random(), random.random())})
for at in range(0, len(rows), 9):
    rows[at] = None
print("ready", flush=True)
sys.stdin.readline()
"#;

/// The same for V8, in objects of one shape, with arrays and strings.
const NODE: &str = r#"
const want = Number(process.argv[1]);
let seed = 7; const random = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648;
const word = () => { let text = ""; for (let n = 2 + random() * 9; n > 0; n--) text += "etaoinshrdlucmfwyp"[Math.floor(random() * 18)]; return text; };
const words = Array.from({length: 4000}, word), rows = [];
for (let n = 0; process.memoryUsage().rss < want;) for (let k = 0; k < 2000; k++) {
  n++; const pick = () => words[Math.floor(random() * 4000)];
  rows.push({id: n, name: pick() + " " + pick() + n, price: random() * 1000, tags: [pick(), pick(), pick()], seen: 1700000000 + n * 7,
    note: n % 3 ? null : "n" + n, at: {x: random(), y: random()}});
}
for (let at = 0; at < rows.length; at += 9) rows[at] = null;
console.log("ready");
process.stdin.on("data", () => process.exit());
"#;

/// Memory held in a buffer, as regions.
#[derive(Debug, Clone)]
pub struct Buffer {
    regions: Vec<MemoryRegion>,
    /// Where in `bytes` each region begins.
    starts: Vec<usize>,
    bytes: Vec<u8>,
}

impl Buffer {
    /// One region with these bytes, of which there are whole pages.
    pub fn new(bytes: Vec<u8>) -> Self {
        let region =
            MemoryRegion { address: 0x7f00_0000_0000, size: bytes.len() as u64, protection: 3, ..Default::default() };
        Self { regions: vec![region], starts: vec![0], bytes }
    }

    /// The bytes of all regions, one after the other.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Source for Buffer {
    fn regions(&self) -> &[MemoryRegion] {
        &self.regions
    }

    fn read(&self, address: u64, buffer: &mut [u8]) -> io::Result<()> {
        let region = self.regions.partition_point(|region| region.address <= address) - 1;
        let from = self.starts[region] + (address - self.regions[region].address) as usize;
        buffer.copy_from_slice(&self.bytes[from..from + buffer.len()]);
        Ok(())
    }
}

/// The private writable memory of a Python process of at least `size` bytes.
pub fn python_heap(size: u64) -> Option<Buffer> {
    Live::python(size).map(|live| live.copy().expect("a child's memory can be read"))
}

/// The private writable memory of a Node.js process of at least `size` bytes.
pub fn node_heap(size: u64) -> Option<Buffer> {
    Live::node(size).map(|live| live.copy().expect("a child's memory can be read"))
}

/// A process with a heap, which waits.
#[derive(Debug)]
pub struct Live(Child);

impl Live {
    /// A Python process with at least `size` bytes of memory. `None` if there is no such program.
    pub fn python(size: u64) -> Option<Self> {
        Self::start(Command::new("python3").args(["-c", PYTHON, &size.to_string()]))
    }

    /// The same of Node.js.
    pub fn node(size: u64) -> Option<Self> {
        Self::start(Command::new("node").args(["--max-old-space-size=16000", "-e", NODE, &size.to_string()]))
    }

    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// The private writable memory.
    pub fn copy(&self) -> io::Result<Buffer> {
        copy(&self.0)
    }

    /// Starts a process, and waits until it says that it is ready.
    fn start(command: &mut Command) -> Option<Self> {
        let mut child = match command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn() {
            Ok(child) => child,
            Err(error) => {
                println!("SKIPPED: {} cannot be started: {error}", command.get_program().display());
                return None;
            }
        };
        let mut line = String::new();
        let output = child.stdout.take().expect("piped");
        BufReader::new(output).read_line(&mut line).expect("readable");
        let live = Self(child);
        (line.trim() == "ready").then_some(live)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.0.kill().and_then(|()| self.0.wait()).expect("it is ours");
    }
}

fn copy(child: &Child) -> io::Result<Buffer> {
    let maps = fs::read_to_string(format!("/proc/{}/maps", child.id()))?;
    let memory = File::open(format!("/proc/{}/mem", child.id()))?;
    let mut buffer = Buffer { regions: Vec::new(), starts: Vec::new(), bytes: Vec::new() };
    for line in maps.lines() {
        let mut fields = line.split_whitespace();
        let (Some(range), Some(protection)) = (fields.next(), fields.next()) else { continue };
        let mapping = fields.nth(3).unwrap_or_default();
        if !protection.starts_with("rw-p") || mapping.starts_with('/') {
            continue;
        }
        let (from, to) = range.split_once('-').expect("as proc(5) has it");
        let hexadecimal = |text| u64::from_str_radix(text, 16).expect("as proc(5) has it");
        let (from, to) = (hexadecimal(from), hexadecimal(to));
        let start = buffer.bytes.len();
        buffer.bytes.resize(start + (to - from) as usize, 0);
        memory.read_exact_at(&mut buffer.bytes[start..], from)?;
        buffer.regions.push(MemoryRegion {
            address: from,
            size: to - from,
            protection: 3,
            mapping: mapping.to_owned(),
            ..Default::default()
        });
        buffer.starts.push(start);
    }
    Ok(buffer)
}

/// As if the process had `copies` times as many objects: each copy of the memory lies elsewhere, so what looks like a pointer into
/// it is another in each.
pub fn grown(base: &Buffer, copies: usize) -> Buffer {
    let size = base.bytes.len();
    assert!(size.is_multiple_of(PAGE));
    let mut bytes = Vec::with_capacity(size * copies);
    // Most words are outside of all regions at once; asking each region would take longer than compressing.
    let first = base.regions.first().map_or(0, |region| region.address);
    let last = base.regions.last().map_or(0, |region| region.address + region.size);
    let points_into_it = |word: u64| {
        (first..last).contains(&word)
            && base.regions.iter().any(|region| word.wrapping_sub(region.address) < region.size)
    };
    for copy in 0..copies as u64 {
        for word in base.bytes.as_chunks::<8>().0 {
            let word = u64::from_le_bytes(*word);
            let moved = if points_into_it(word) { word.wrapping_add(copy * size as u64) } else { word };
            bytes.extend_from_slice(&moved.to_le_bytes());
        }
    }
    Buffer::new(bytes)
}

/// Bytes that do not compress, the same each time.
pub fn noise(size: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        bytes.extend_from_slice(&(state ^ (state >> 29)).to_be_bytes()[..4]);
    }
    bytes.truncate(size);
    bytes
}
