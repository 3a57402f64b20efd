//! Sorts any number of records by a byte key in bounded memory: full runs go to a temporary file.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};

/// Takes records in any order.
pub(crate) struct Sorter {
    arena: Vec<u8>,
    records: Vec<Record>,
    limit: usize,
    spilled: Option<Spilled>,
}

/// Gives them back in order; equal keys come in no particular order.
pub(crate) enum Sorted {
    /// All of them were in memory.
    Memory { arena: Vec<u8>, records: std::vec::IntoIter<Record> },
    /// Merged from runs on disk.
    Disk { file: File, heads: BinaryHeap<Head>, buffer: usize },
}

/// A key and what belongs to it, one after the other in the arena.
#[derive(Clone, Copy)]
pub(crate) struct Record {
    start: u32,
    key: u32,
    payload: u32,
}

struct Spilled {
    file: File,
    /// Where each run ends.
    ends: Vec<u64>,
}

/// The first record of a run, and the rest of the run.
pub(crate) struct Head {
    key: Vec<u8>,
    payload: Vec<u8>,
    buffered: Vec<u8>,
    position: usize,
    offset: u64,
    end: u64,
}

/// Memory for the buffers of all runs together, and the least for one.
const MERGE_BUFFERS: usize = 1 << 20;
const LEAST_BUFFER: usize = 512;

impl Sorter {
    /// Keeps about `limit` bytes in memory.
    pub(crate) fn new(limit: usize) -> Sorter {
        Sorter { arena: Vec::new(), records: Vec::new(), limit, spilled: None }
    }

    pub(crate) fn push(&mut self, key: &[u8], payload: &[u8]) -> io::Result<()> {
        let more = key.len() + payload.len() + size_of::<Record>();
        if !self.records.is_empty() && self.held() + more > self.limit {
            self.spill()?;
        }
        let small = |length: usize| u32::try_from(length).map_err(io::Error::other);
        self.records.push(Record {
            start: small(self.arena.len())?,
            key: small(key.len())?,
            payload: small(payload.len())?,
        });
        self.arena.extend_from_slice(key);
        self.arena.extend_from_slice(payload);
        Ok(())
    }

    pub(crate) fn finish(mut self) -> io::Result<Sorted> {
        if self.spilled.is_none() {
            self.sort();
            self.arena.shrink_to_fit();
            return Ok(Sorted::Memory { arena: self.arena, records: self.records.into_iter() });
        }
        if !self.records.is_empty() {
            self.spill()?;
        }
        drop((std::mem::take(&mut self.arena), std::mem::take(&mut self.records)));
        let Spilled { mut file, ends } = self.spilled.expect("runs were spilled");
        let buffer = (MERGE_BUFFERS / ends.len()).max(LEAST_BUFFER);
        let mut heads = BinaryHeap::with_capacity(ends.len());
        let mut offset = 0;
        for end in ends {
            let mut head = Head::new(offset, end);
            if head.advance(&mut file, buffer)? {
                heads.push(head);
            }
            offset = end;
        }
        Ok(Sorted::Disk { file, heads, buffer })
    }

    fn held(&self) -> usize {
        self.arena.len() + self.records.len() * size_of::<Record>()
    }

    fn sort(&mut self) {
        let arena = &self.arena;
        self.records.sort_unstable_by(|a, b| a.key_in(arena).cmp(b.key_in(arena)));
    }

    fn spill(&mut self) -> io::Result<()> {
        self.sort();
        let spilled = match &mut self.spilled {
            Some(spilled) => spilled,
            none => none.insert(Spilled { file: tempfile::tempfile()?, ends: Vec::new() }),
        };
        let mut out = BufWriter::new(&mut spilled.file);
        for record in &self.records {
            out.write_all(&record.key.to_le_bytes())?;
            out.write_all(&record.payload.to_le_bytes())?;
            out.write_all(record.key_in(&self.arena))?;
            out.write_all(record.payload_in(&self.arena))?;
        }
        out.flush()?;
        drop(out);
        spilled.ends.push(spilled.file.stream_position()?);
        self.arena.clear();
        self.records.clear();
        Ok(())
    }
}

impl Sorted {
    /// Puts the next record into `key` and `payload`; `false` at the end.
    pub(crate) fn next(&mut self, key: &mut Vec<u8>, payload: &mut Vec<u8>) -> io::Result<bool> {
        key.clear();
        payload.clear();
        match self {
            Sorted::Memory { arena, records } => {
                let Some(record) = records.next() else { return Ok(false) };
                key.extend_from_slice(record.key_in(arena));
                payload.extend_from_slice(record.payload_in(arena));
            }
            Sorted::Disk { file, heads, buffer } => {
                let Some(mut head) = heads.peek_mut() else { return Ok(false) };
                std::mem::swap(key, &mut head.key);
                std::mem::swap(payload, &mut head.payload);
                if !head.advance(file, *buffer)? {
                    PeekMut::pop(head);
                }
            }
        }
        Ok(true)
    }

    /// Bytes kept in memory.
    pub(crate) fn held(&self) -> usize {
        match self {
            Sorted::Memory { arena, records } => arena.len() + size_of_val(records.as_slice()),
            Sorted::Disk { heads, buffer, .. } => heads.len() * buffer,
        }
    }
}

impl Record {
    fn key_in(self, arena: &[u8]) -> &[u8] {
        &arena[self.start as usize..][..self.key as usize]
    }

    fn payload_in(self, arena: &[u8]) -> &[u8] {
        &arena[self.start as usize + self.key as usize..][..self.payload as usize]
    }
}

impl Head {
    fn new(offset: u64, end: u64) -> Head {
        let (key, payload, buffered) = (Vec::new(), Vec::new(), Vec::new());
        Head { key, payload, buffered, position: 0, offset, end }
    }

    /// Reads the run's next record; `false` at its end.
    fn advance(&mut self, file: &mut File, buffer: usize) -> io::Result<bool> {
        if self.position == self.buffered.len() && self.offset == self.end {
            return Ok(false);
        }
        let mut lengths = [0; 8];
        self.fill(file, buffer, 8)?;
        lengths.copy_from_slice(&self.buffered[self.position..][..8]);
        self.position += 8;
        let [a, b, c, d, e, f, g, h] = lengths;
        let key = u32::from_le_bytes([a, b, c, d]) as usize;
        let payload = u32::from_le_bytes([e, f, g, h]) as usize;
        self.fill(file, buffer, key + payload)?;
        let record = &self.buffered[self.position..][..key + payload];
        self.key.clear();
        self.key.extend_from_slice(&record[..key]);
        self.payload.clear();
        self.payload.extend_from_slice(&record[key..]);
        self.position += key + payload;
        Ok(true)
    }

    /// Makes `needed` bytes available from `position` on.
    fn fill(&mut self, file: &mut File, buffer: usize, needed: usize) -> io::Result<()> {
        let there = self.buffered.len() - self.position;
        if there >= needed {
            return Ok(());
        }
        self.buffered.drain(..self.position);
        self.position = 0;
        let left = usize::try_from(self.end - self.offset).unwrap_or(usize::MAX);
        let more = buffer.max(needed - there).min(left);
        self.buffered.resize(there + more, 0);
        file.seek(SeekFrom::Start(self.offset))?;
        file.read_exact(&mut self.buffered[there..])?;
        self.offset += more as u64;
        if self.buffered.len() < needed {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

impl Ord for Head {
    /// The heap gives the greatest: that is the smallest key.
    fn cmp(&self, other: &Head) -> Ordering {
        other.key.cmp(&self.key)
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Head) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Head) -> bool {
        self.key == other.key
    }
}

impl Eq for Head {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sorted(records: &[(Vec<u8>, Vec<u8>)], limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut sorter = Sorter::new(limit);
        for (key, payload) in records {
            sorter.push(key, payload).unwrap();
        }
        let mut sorted = sorter.finish().unwrap();
        let (mut key, mut payload, mut found) = (Vec::new(), Vec::new(), Vec::new());
        while sorted.next(&mut key, &mut payload).unwrap() {
            found.push((key.clone(), payload.clone()));
        }
        found
    }

    proptest! {
        #[test]
        fn runs_on_disk_give_the_same_order_as_memory(
            records in prop::collection::btree_map(
                prop::collection::vec(any::<u8>(), 0..700),
                prop::collection::vec(any::<u8>(), 0..40),
                0..60,
            ).prop_map(|map| map.into_iter().collect::<Vec<_>>()).prop_shuffle(),
            limit in 0usize..4000,
        ) {
            let mut expected = records.clone();
            expected.sort();
            prop_assert_eq!(&sorted(&records, usize::MAX), &expected);
            prop_assert_eq!(&sorted(&records, limit), &expected);
        }
    }
}
