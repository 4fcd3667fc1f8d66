//! What is known of those who say something.

use std::hash::BuildHasher;

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

use super::seen::Seen;
use crate::wire::NodeId;

/// Most lives of origins that are remembered.
pub const MAX_ORIGINS: usize = 16_384;

/// One life of an origin.
pub type Life = (NodeId, u64);

/// Which messages have come, by the life that said them. When it is full, one that has been quiet makes room: those that have
/// said something since the hand last passed are spared, as in the CLOCK algorithm of page replacement.
///
/// With many nodes each line of the cache that is touched comes from memory: of the lives those that are looked for again and again are found
/// by what stands beside the list, and each is one line.
#[derive(Debug, Default)]
#[repr(C)]
pub struct Origins {
    lives: Vec<Origin>,
    /// Where lives that are looked for again and again stand in the list, by either of two bytes of their ids. Almost all are found here, if
    /// there are not many.
    places: [u8; PLACES],
    /// Where all stand, by their hashes.
    table: HashTable<u32>,
    hand: usize,
}

/// How many places are remembered: with the list less than a line of the cache.
const PLACES: usize = 32;

/// The places at which a life of `id` may be remembered.
#[inline]
fn places_of(id: &NodeId) -> [usize; 2] {
    [id.0[0], id.0[1]].map(|byte| usize::from(byte) % PLACES)
}

fn hash(life: &Life) -> u64 {
    FxBuildHasher.hash_one(life)
}

/// What has come of one life: one line of the cache.
#[derive(Debug)]
#[repr(C, align(64))]
struct Origin {
    life: Life,
    seen: Seen,
    active: bool,
}

const _: () = assert!(size_of::<Origin>() == 64);

impl Origins {
    /// What has come of `life`.
    pub fn get(&self, life: &Life) -> Option<&Seen> {
        Some(&self.lives[self.look_up(life)?].seen)
    }

    /// A glance at what is known of a life of `id`.
    #[inline]
    pub fn glance(&self, id: &NodeId) -> u64 {
        let [place, _] = places_of(id).map(|place| self.places[place]);
        self.lives.get(usize::from(place)).map_or(0, |origin| origin.seen.upto())
    }

    /// What has come of `life`: as [`get`](Self::get), and faster for those that are looked for again and again.
    pub fn find(&mut self, life: &Life) -> Option<&Seen> {
        let index = self.index_of(life)?;
        Some(&self.lives[index].seen)
    }

    #[inline]
    fn index_of(&mut self, life: &Life) -> Option<usize> {
        for place in places_of(&life.0) {
            let index = usize::from(self.places[place]);
            if self.lives.get(index).is_some_and(|origin| origin.life == *life) {
                return Some(index);
            }
        }
        self.remember(life)
    }

    fn look_up(&self, life: &Life) -> Option<usize> {
        let index = self.table.find(hash(life), |index| self.lives[*index as usize].life == *life)?;
        Some(*index as usize)
    }

    /// Where `life` is: the next time it is found in the first of its places. What was there moves to its second, as in cuckoo hashing.
    #[cold]
    fn remember(&mut self, life: &Life) -> Option<usize> {
        let index = self.look_up(life)?;
        let [first, _] = places_of(&life.0);
        if let Ok(place) = u8::try_from(index) {
            let was = self.places[first];
            match self.lives.get(usize::from(was)).map(|other| places_of(&other.life.0)) {
                Some([home, second]) if home == first => self.places[second] = was,
                _ => {}
            }
            self.places[first] = place;
        }
        Some(index)
    }

    /// The same to be changed, and made if it was not known.
    pub fn get_or_make(&mut self, life: Life) -> &mut Seen {
        let index = match self.index_of(&life) {
            Some(index) => {
                self.lives[index].active = true;
                index
            }
            // One that is new has yet to show that it says more than one thing.
            None => self.make(life),
        };
        &mut self.lives[index].seen
    }

    #[cold]
    fn make(&mut self, life: Life) -> usize {
        if self.lives.len() >= MAX_ORIGINS {
            self.make_room();
        }
        let Self { lives, table, .. } = self;
        let index = lives.len();
        lives.push(Origin { life, seen: Seen::default(), active: false });
        table.insert_unique(hash(&life), index as u32, |index| hash(&lives[*index as usize].life));
        index
    }

    /// All, in an order that depends only on what was done.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Life, &Seen)> {
        self.lives.iter().map(|origin| (&origin.life, &origin.seen))
    }

    /// The `index`-th of [`iter`](Self::iter).
    pub fn at(&self, index: usize) -> Option<(&Life, &Seen)> {
        self.lives.get(index).map(|origin| (&origin.life, &origin.seen))
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.lives.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.lives.is_empty()
    }

    fn make_room(&mut self) {
        loop {
            self.hand %= self.lives.len().max(1);
            match self.lives.get_mut(self.hand) {
                Some(origin) if origin.active => origin.active = false,
                _ => break,
            }
            self.hand += 1;
        }
        self.forget(self.hand);
        self.hand += 1;
    }

    /// Drops the life at `index`; the last takes its place.
    fn forget(&mut self, index: usize) {
        let Self { lives, table, .. } = self;
        if let Ok(entry) = table.find_entry(hash(&lives[index].life), |place| *place as usize == index) {
            entry.remove();
        }
        lives.swap_remove(index);
        let last = lives.len();
        if let Some(moved) = lives.get(index)
            && let Some(place) = table.find_mut(hash(&moved.life), |place| *place as usize == last)
        {
            *place = index as u32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn life(number: usize) -> Life {
        let mut id = [0; 32];
        id[..8].copy_from_slice(&number.to_le_bytes());
        (NodeId(id), 1)
    }

    #[test]
    fn the_table_is_bounded_and_those_who_speak_stay() {
        let mut origins = Origins::default();
        for number in 0..3 * MAX_ORIGINS {
            origins.get_or_make(life(number)).insert(1);
            if number % 100 == 0 {
                origins.get_or_make(life(0)).insert(number as u64 + 2);
            }
        }
        assert_eq!(origins.len(), MAX_ORIGINS);
        assert!(origins.get(&life(0)).is_some_and(|seen| seen.contains(1)));
        assert!(origins.get(&life(3 * MAX_ORIGINS - 1)).is_some());
    }

    #[test]
    fn a_life_is_found_wherever_it_has_been_moved_and_whoever_shares_its_place() {
        let mut origins = Origins::default();
        // Far more lives than places, several of them of one node, and many that make room for others.
        for round in 0..3_u64 {
            for number in 0..2 * MAX_ORIGINS {
                let (id, _) = life(number % 9000);
                let life = (id, round + (number / 9000) as u64);
                origins.get_or_make(life).insert(1 + round);
                assert!(origins.find(&life).is_some_and(|seen| seen.contains(1 + round)), "{number}");
            }
        }
        let known: Vec<Life> = origins.iter().map(|(life, _)| *life).collect();
        assert_eq!((known.len(), origins.table.len()), (MAX_ORIGINS, MAX_ORIGINS));
        for (index, life) in known.iter().enumerate() {
            assert_eq!((origins.look_up(life), origins.index_of(life)), (Some(index), Some(index)));
        }
    }
}
