//! From the values of one key to the objects that have them.
//!
//! Values are kept as hashes: what an index finds is asked anyway, so two values with one hash cost a question and no
//! wrong answer. The hash is keyed by chance, once per [`Keys`]; whoever names the objects cannot choose it.

use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

use rustc_hash::FxHashMap;

use super::kind::Object;
use crate::{
    builtin::Builtin,
    interp::{Env, Interp, Last, NoCluster, Roots},
    ir::{Const, IndexKey, Module},
    value::Value,
};

/// Parts that are copied one by one. A power of two.
const SHARDS: usize = 64;
/// Steps for the keys of one object; one that takes more is found always.
const FUEL: u64 = 20_000;

/// What keys are worked out with.
#[derive(Debug)]
pub(super) struct Keys {
    /// The roots of the module, and nothing else of it.
    pub(super) module: Module,
    hasher: RandomState,
}

impl Keys {
    pub(super) fn new(module: &Module) -> Keys {
        let module = Module { roots: module.roots.clone(), ..Module::default() };
        Keys { module, hasher: RandomState::new() }
    }

    pub(super) fn hash(&self, value: &Const) -> u64 {
        self.hasher.hash_one(value)
    }

    /// The hashes of an object's keys, each once; `None`: there are too many, or it takes too long.
    fn of(&self, key: &IndexKey, object: &Object) -> Option<Vec<u64>> {
        const NO_BUILTINS: &[&Builtin] = &[];
        let roots = Roots::default();
        let env = Env {
            module: &self.module,
            builtins: NO_BUILTINS,
            params: &[],
            roots: &roots,
            pod_keys: &[],
            cluster: &NoCluster,
            subject: None,
            fuel: FUEL,
        };
        let mut interp = Interp::new(env, &key.code);
        interp.bind(IndexKey::OBJECT, Value::Record(object.fact.root()));
        let mut constants = Vec::new();
        let last = Last { expr: key.key, each: key.each, ty: &key.ty };
        let whole = interp.constants(&key.binders, last, &mut constants);
        if whole != Ok(true) {
            return None;
        }
        let mut hashes: Vec<u64> = constants.iter().map(|constant| self.hash(constant)).collect();
        hashes.sort_unstable();
        hashes.dedup();
        Some(hashes)
    }
}

/// The objects that have one value.
#[derive(Clone, Debug)]
enum Posting {
    One(Arc<Object>),
    /// In order.
    Many(Arc<Vec<Arc<Object>>>),
}

impl Posting {
    fn objects(&self) -> &[Arc<Object>] {
        match self {
            Posting::One(object) => std::slice::from_ref(object),
            Posting::Many(objects) => objects,
        }
    }
}

type Shard = FxHashMap<u64, Posting>;

/// An index.
#[derive(Clone, Debug)]
pub(super) struct Index {
    pub(super) key: Arc<IndexKey>,
    keys: Arc<Keys>,
    shards: Vec<Arc<Shard>>,
    /// The objects whose values are not known.
    always: Arc<Vec<Arc<Object>>>,
}

impl Index {
    pub(super) fn new(key: Arc<IndexKey>, keys: Arc<Keys>) -> Index {
        Index { key, keys, shards: vec![Arc::default(); SHARDS], always: Arc::default() }
    }

    pub(super) fn add(&mut self, object: &Arc<Object>) {
        let Some(hashes) = self.keys.of(&self.key, object) else {
            return insert(Arc::make_mut(&mut self.always), object);
        };
        for hash in hashes {
            let Some(shard) = self.shards.get_mut(shard_of(hash)) else { continue };
            let shard = Arc::make_mut(shard);
            match shard.get_mut(&hash) {
                None => {
                    shard.insert(hash, Posting::One(Arc::clone(object)));
                }
                Some(Posting::Many(objects)) => insert(Arc::make_mut(objects), object),
                Some(posting) => {
                    let mut objects = posting.objects().to_vec();
                    insert(&mut objects, object);
                    *posting = Posting::Many(Arc::new(objects));
                }
            }
        }
    }

    /// Takes out what [`Index::add`] put in: the keys of an object are always the same.
    pub(super) fn remove(&mut self, object: &Arc<Object>) {
        let Some(hashes) = self.keys.of(&self.key, object) else {
            return take(Arc::make_mut(&mut self.always), object);
        };
        for hash in hashes {
            let Some(shard) = self.shards.get_mut(shard_of(hash)) else { continue };
            let shard = Arc::make_mut(shard);
            let is_empty = match shard.get_mut(&hash) {
                None => false,
                Some(Posting::One(_)) => true,
                Some(Posting::Many(objects)) => {
                    let objects = Arc::make_mut(objects);
                    take(objects, object);
                    objects.is_empty()
                }
            };
            if is_empty {
                shard.remove(&hash);
            }
        }
    }

    /// The objects that may have one of these values: a list for each, and one of those always meant.
    pub(super) fn find(&self, values: &[Const]) -> Vec<&[Arc<Object>]> {
        let mut hashes: Vec<u64> = values.iter().map(|value| self.keys.hash(value)).collect();
        hashes.sort_unstable();
        hashes.dedup();
        let posting = |hash: u64| self.shards.get(shard_of(hash)).and_then(|shard| shard.get(&hash));
        let mut found: Vec<_> = hashes.into_iter().filter_map(posting).map(Posting::objects).collect();
        found.push(&self.always);
        found
    }

    /// Bytes.
    pub(super) fn memory(&self) -> usize {
        // A table keeps a byte of control for each slot beside it, and about an eighth of them is free.
        let entry = size_of::<(u64, Posting)>() + 1;
        let of_shard = |shard: &Arc<Shard>| {
            let many: usize = shard
                .values()
                .map(|posting| match posting {
                    Posting::One(_) => 0,
                    Posting::Many(objects) => 40 + objects.capacity() * size_of::<Arc<Object>>(),
                })
                .sum();
            shard.capacity() * entry * 8 / 7 + many
        };
        self.shards.iter().map(of_shard).sum::<usize>() + self.always.capacity() * size_of::<Arc<Object>>()
    }
}

/// The upper bits: the tables in the shards look at the lower ones.
fn shard_of(hash: u64) -> usize {
    usize::try_from(hash >> 58).unwrap_or_default() % SHARDS
}

fn insert(objects: &mut Vec<Arc<Object>>, object: &Arc<Object>) {
    let at = objects.partition_point(|other| other < object);
    objects.insert(at, Arc::clone(object));
}

fn take(objects: &mut Vec<Arc<Object>>, object: &Arc<Object>) {
    let at = objects.partition_point(|other| other < object);
    if objects.get(at) == Some(object) {
        objects.remove(at);
    }
}
