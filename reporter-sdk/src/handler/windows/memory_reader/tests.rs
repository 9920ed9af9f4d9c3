use super::*;
use crate::handler::live_child::{CANARY, LiveChild};

fn open(child: &LiveChild, plan: &MemoryPlan) -> (ProcessMemory, Vec<v1::SoftError>) {
    let block = ArgumentBlock::of_process(child.pid()).unwrap();
    let mut soft_errors = Vec::new();
    (ProcessMemory::open(child.pid(), &block, plan, &mut soft_errors).unwrap(), soft_errors)
}

/// All that can be read, region by region.
fn contents(memory: &ProcessMemory) -> Vec<(u64, Vec<u8>)> {
    let read = |region: &MemoryRegion| {
        let mut bytes = vec![0; region.size as usize];
        let pages = bytes.chunks_mut(1 << 20).zip((region.address..).step_by(1 << 20));
        pages.for_each(|(piece, at)| {
            if memory.read(at, piece).is_err() {
                piece.fill(0);
            }
        });
        (region.address, bytes)
    };
    memory.regions().iter().map(read).collect()
}

#[test]
fn regions_ascend_and_hold_what_the_process_has() {
    let child = LiveChild::start();
    let (memory, soft_errors) = open(&child, &MemoryPlan::default());
    assert_eq!(soft_errors, []);
    let mut end = 0;
    for region in memory.regions() {
        assert!(region.address >= end && region.size > 0 && region.protection & READ != 0, "{region:?}");
        assert!(region.address.is_multiple_of(PAGE as u64) && region.size.is_multiple_of(PAGE as u64));
        end = region.address + region.size;
    }
    let program = crate::handler::live_child::program();
    let name = program.file_name().unwrap().to_str().unwrap();
    let images: Vec<_> = memory.regions().iter().filter(|region| region.mapping.ends_with(name)).collect();
    assert!(images.iter().any(|region| region.protection & EXECUTE != 0), "{:#?}", memory.regions());
    // The start of an image is the start of its file.
    let mut head = [0; PAGE];
    memory.read(images[0].address, &mut head).unwrap();
    assert!(head.starts_with(b"MZ"));
    assert!(memory.is_alive());
}

#[test]
fn what_the_process_keeps_in_its_memory_comes_back_and_what_is_excluded_does_not() {
    let child = LiveChild::start();
    let kept = child.kept();
    let mut bytes = [0; 64];
    let (memory, _) = open(&child, &MemoryPlan::default());
    memory.read(kept, &mut bytes).unwrap();
    assert_eq!(bytes, crate::handler::live_child::KEPT);
    let excluded = vec![kept + 8..kept + 16];
    let (memory, _) = open(&child, &MemoryPlan { excluded: excluded.clone(), most_bytes: 0 });
    memory.read(kept, &mut bytes).unwrap();
    assert_eq!((&bytes[..8], &bytes[8..16]), (&crate::handler::live_child::KEPT[..8], &[0; 8][..]));
    assert!(memory.erased().iter().any(|range| range.address == kept + 8 && range.size == 8));
}

/// Neither as the system hands it over nor in what the C libraries made of it.
#[test]
fn a_secret_in_the_environment_is_nowhere_in_the_image() {
    let child = LiveChild::start();
    let held = super::super::suspend::hold_others(child.pid(), Some(child.tid), &mut Vec::new());
    let secret = format!("SECRET_TOKEN={CANARY}");
    let wide: Vec<u8> = secret.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let found = |block: &ArgumentBlock| {
        let memory = ProcessMemory::open(child.pid(), block, &MemoryPlan::default(), &mut Vec::new()).unwrap();
        let contents = contents(&memory);
        let all = |secret: &[u8]| {
            contents.iter().map(|(_, bytes)| memchr::memmem::find_iter(bytes, secret).count()).sum::<usize>()
        };
        (all(secret.as_bytes()), all(&wide))
    };
    let block = ArgumentBlock::of_process(child.pid()).unwrap();
    assert_eq!(found(&block), (0, 0));
    let (narrow, wide) = found(&ArgumentBlock::default());
    assert!(narrow > 0 && wide > 0, "they would be there otherwise: {narrow} and {wide}");
    drop(held);
}

#[test]
fn a_limit_leaves_out_what_says_the_least() {
    let child = LiveChild::start();
    let (memory, soft_errors) = open(&child, &MemoryPlan { most_bytes: 8 << 20, ..MemoryPlan::default() });
    let total: u64 = memory.regions().iter().map(|region| region.size).sum();
    assert!(total <= 8 << 20 && !memory.regions().is_empty(), "{total}");
    assert!(soft_errors[0].message.contains("are left out"), "{soft_errors:?}");
}

#[test]
fn a_process_that_ends_is_noticed() {
    let child = LiveChild::start();
    let (memory, _) = open(&child, &MemoryPlan::default());
    drop(child);
    let first = memory.regions()[0].address;
    assert!(memory.read(first, &mut [0; PAGE]).is_err() && !memory.is_alive());
    let block = ArgumentBlock::default();
    let error = ProcessMemory::open(u32::MAX, &block, &MemoryPlan::default(), &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("cannot look into"), "{error}");
}
