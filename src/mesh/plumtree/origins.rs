//! What is known of those who say something.

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use super::seen::Seen;
use crate::wire::NodeId;

/// Most lives of origins that are remembered.
pub const MAX_ORIGINS: usize = 16_384;

/// One life of an origin.
pub type Life = (NodeId, u64);

/// Which messages have come, by the life that said them. When it is full, one that has been quiet makes room: those that have
/// said something since the hand last passed are spared, as in the CLOCK algorithm of page replacement.
#[derive(Debug)]
pub struct Origins {
    lives: IndexMap<Life, Origin, FxBuildHasher>,
    /// Where lives that are looked for again and again stand, by either of two bytes of their ids. Almost all are found here, if there
    /// are not many, and the hash table need not be fetched from memory.
    places: [u8; PLACES],
    hand: usize,
}

/// How many places are remembered: one line of the cache.
const PLACES: usize = 64;

/// The places at which a life of `id` may be remembered.
#[inline]
fn places_of(id: &NodeId) -> [usize; 2] {
    [id.0[0], id.0[1]].map(|byte| usize::from(byte) % PLACES)
}

impl Default for Origins {
    fn default() -> Self {
        Self { lives: IndexMap::default(), places: [0; PLACES], hand: 0 }
    }
}

#[derive(Debug, Default)]
struct Origin {
    seen: Seen,
    active: bool,
}

impl Origins {
    /// What has come of `life`.
    pub fn get(&self, life: &Life) -> Option<&Seen> {
        self.lives.get(life).map(|origin| &origin.seen)
    }

    /// A glance at what is known of a life of `id`.
    #[inline]
    pub fn glance(&self, id: &NodeId) -> u64 {
        let [place, _] = places_of(id).map(|place| self.places[place]);
        // The first byte and the last: they may stand in two lines.
        self.lives.get_index(usize::from(place)).map_or(0, |((id, _), origin)| u64::from(id.0[0]) ^ origin.seen.upto())
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
            if self.lives.get_index(index).is_some_and(|(known, _)| known == life) {
                return Some(index);
            }
        }
        self.remember(life)
    }

    /// Where `life` is: the next time it is found in the first of its places. What was there moves to its second, as in cuckoo hashing.
    #[cold]
    fn remember(&mut self, life: &Life) -> Option<usize> {
        let index = self.lives.get_index_of(life)?;
        let [first, _] = places_of(&life.0);
        if let Ok(place) = u8::try_from(index) {
            let was = self.places[first];
            if let Some(((other, _), _)) = self.lives.get_index(usize::from(was)) {
                let [_, second] = places_of(other);
                self.places[second] = was;
            }
            self.places[first] = place;
        }
        Some(index)
    }

    /// The same to be changed, and made if it was not known.
    pub fn get_or_make(&mut self, life: Life) -> &mut Seen {
        match self.index_of(&life) {
            Some(index) => {
                let origin = &mut self.lives[index];
                origin.active = true;
                &mut origin.seen
            }
            // One that is new has yet to show that it says more than one thing.
            None => self.make(life),
        }
    }

    #[cold]
    fn make(&mut self, life: Life) -> &mut Seen {
        if self.lives.len() >= MAX_ORIGINS {
            self.make_room();
        }
        &mut self.lives.entry(life).or_default().seen
    }

    /// All, in an order that depends only on what was done.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Life, &Seen)> {
        self.lives.iter().map(|(life, origin)| (life, &origin.seen))
    }

    /// The `index`-th of [`iter`](Self::iter).
    pub fn at(&self, index: usize) -> Option<(&Life, &Seen)> {
        self.lives.get_index(index).map(|(life, origin)| (life, &origin.seen))
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
            match self.lives.get_index_mut(self.hand) {
                Some((_, origin)) if origin.active => origin.active = false,
                _ => break,
            }
            self.hand += 1;
        }
        self.lives.swap_remove_index(self.hand);
        self.hand += 1;
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
        assert_eq!(known.len(), MAX_ORIGINS);
        for life in known {
            let expected = origins.get(&life).map(Seen::upto);
            assert_eq!(origins.find(&life).map(Seen::upto), expected);
        }
    }
}
