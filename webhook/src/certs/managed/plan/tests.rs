//! The laws of renewals, with a clock that the tests set.

use std::time::{Duration, SystemTime};

use super::*;

const DAY: Duration = Duration::from_secs(86_400);

fn begin() -> SystemTime {
    SystemTime::UNIX_EPOCH + 20_000 * DAY
}

fn terms() -> Terms {
    Terms::new(365 * DAY, 3650 * DAY, None)
}

fn name() -> Vec<String> {
    vec!["kpol-webhook.kpol-system.svc".to_owned()]
}

/// One look at the Secret, and what it holds afterwards.
fn step(material: &Material, known: Option<Duration>, now: SystemTime) -> (Step, Material) {
    step_for(material, &name(), known, now)
}

fn step_for(
    material: &Material,
    names: &[String],
    known: Option<Duration>,
    now: SystemTime,
) -> (Step, Material) {
    let state = State::of(material, now);
    let step = decide(&state, &terms(), names, known, now);
    let next = take(step, (material, &state), &terms(), names, now).expect("certificates are made");
    (step, next.unwrap_or_else(|| material.clone()))
}

/// Whether the API server, which knows one bundle, trusts the leaf of another material.
fn is_trusted(bundle: &Material, leaf: &Material, now: SystemTime) -> bool {
    let cas = certificates(bundle.bundle.as_bytes()).expect("a bundle");
    let chain = certificates(leaf.chain.as_bytes()).expect("a chain");
    trusts(&cas, &chain[0], Some(&name()[0]), now)
}

fn cas(material: &Material) -> usize {
    certificates(material.bundle.as_bytes()).map_or(0, |cas| cas.len())
}

#[test]
fn the_first_certificate_is_good_and_kept() {
    let (first, material) = step(&Material::default(), None, begin());
    assert_eq!(first, Step::Fresh);
    assert!(is_trusted(&material, &material, begin()));
    assert!(is_trusted(&material, &material, begin() - issue::SKEW), "for clocks that are behind");
    assert!(!is_trusted(&material, &material, begin() + 366 * DAY));
    assert!(material.pair(begin()).is_ok());
    assert_eq!(step(&material, None, begin() + 270 * DAY), (Step::Keep, material.clone()));
    let (renewed, next) = step(&material, None, begin() + 274 * DAY);
    assert_eq!(renewed, Step::Leaf);
    assert_eq!((&next.bundle, &next.ca_key), (&material.bundle, &material.ca_key));
    assert!(next.key != material.key, "each leaf has a key of its own");
}

#[test]
fn a_new_ca_is_announced_before_it_signs() {
    let (_, mut material) = step(&Material::default(), None, begin());
    let mut now = begin();
    while step(&material, None, now).0 != Step::Announce {
        material = step(&material, None, now).1;
        now += 30 * DAY;
        assert!(now < begin() + 3650 * DAY, "a CA is replaced before its end");
    }
    let (_, announced) = step(&material, None, now);
    assert_eq!((&announced.chain, cas(&announced)), (&material.chain, 2));
    // As long as nobody knows it, and shortly after somebody does, nothing happens.
    assert_eq!(step(&announced, None, now), (Step::Wait, announced.clone()));
    assert_eq!(step(&announced, Some(terms().settle / 2), now).0, Step::Wait);
    let (signed, next) = step(&announced, Some(terms().settle), now);
    assert_eq!(signed, Step::Leaf);
    assert!(next.chain != announced.chain);
    assert!(is_trusted(&announced, &next, now) && is_trusted(&next, &announced, now));
    assert!(!is_trusted(&material, &next, now), "it is of the new CA");
    // The old CA goes when it has ended.
    let (_, later) = step(&next, None, now + 274 * DAY);
    let (_, later) = step(&later, None, now + 548 * DAY);
    assert_eq!(cas(&later), 1);
}

#[test]
fn a_ca_that_nobody_can_be_seen_to_know_signs_before_the_leaf_ends() {
    let (_, mut material) = step(&Material::default(), None, begin());
    let (mut now, mut announced) = (begin(), 0);
    while now < begin() + 8000 * DAY {
        let (step, next) = step(&material, None, now);
        announced += u32::from(step == Step::Announce);
        assert!(step != Step::Fresh);
        assert!(is_trusted(&next, &next, now));
        material = next;
        now += 7 * DAY;
    }
    assert_eq!(announced, 2);
}

#[test]
fn who_trusts_the_bundle_of_a_step_trusts_the_leaf_of_the_next() {
    let mut random: u64 = 1;
    let mut draw = |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    for _ in 0..8 {
        let mut now = begin();
        let (_, mut material) = step(&Material::default(), None, now);
        for _ in 0..150 {
            // Any time before the leaf ends.
            let end = material.pair(now).expect("a good leaf").end;
            let left = end.duration_since(now).expect("it has not ended").as_secs();
            now += Duration::from_secs(draw(left));
            let known = [None, Some(Duration::ZERO), Some(terms().settle)][draw(3) as usize];
            let (_, next) = step(&material, known, now);
            assert!(is_trusted(&next, &next, now), "a leaf is valid under the bundle beside it");
            assert!(is_trusted(&next, &material, now), "replicas that still serve the old one");
            // Who has no proof that the API server knows the CA takes the risk only in the end.
            assert!(is_trusted(&material, &next, now), "API servers that still have the old bundle");
            assert!(cas(&next) <= MAX_CAS);
            material = next;
        }
    }
}

#[test]
fn what_has_ended_begins_anew() {
    let (_, material) = step(&Material::default(), None, begin());
    assert_eq!(step(&material, None, begin() + 366 * DAY).0, Step::Leaf, "the CA is good");
    let (fresh, next) = step(&material, None, begin() + 3640 * DAY);
    assert_eq!((fresh, cas(&next)), (Step::Fresh, 1));
}

#[test]
fn what_does_not_belong_together_is_replaced_without_breaking_what_is_good() {
    let (_, material) = step(&Material::default(), None, begin());
    let (_, other) = step(&Material::default(), None, begin());
    let with = |change: fn(&mut Material, &Material)| {
        let mut changed = material.clone();
        change(&mut changed, &other);
        let due = begin() + 300 * DAY;
        (step(&changed, None, begin()).0, step(&changed, None, due).0)
    };
    // Without the key of the CA the leaf is served on, and replaced in time.
    assert_eq!(with(|it, _| it.ca_key.clear()), (Step::Keep, Step::Announce));
    assert_eq!(with(|it, other| it.ca_key = other.ca_key.clone()), (Step::Keep, Step::Announce));
    // Without a leaf there is nothing to serve.
    assert_eq!(with(|it, _| it.key.clear()), (Step::Leaf, Step::Leaf));
    assert_eq!(with(|it, other| it.key = other.key.clone()), (Step::Leaf, Step::Leaf));
    assert_eq!(with(|it, _| it.chain = "nonsense".into()), (Step::Leaf, Step::Leaf));
    assert_eq!(with(|it, other| it.bundle = other.bundle.clone()), (Step::Fresh, Step::Fresh));
    assert_eq!(with(|it, _| it.bundle.clear()), (Step::Fresh, Step::Fresh));
}

#[test]
fn two_versions_that_want_other_names_agree() {
    let (one, two) = (name(), vec!["other.kpol-system.svc".to_owned(), "127.0.0.1".to_owned()]);
    let (_, material) = step_for(&Material::default(), &one, None, begin());
    let (renewed, material) = step_for(&material, &two, None, begin());
    assert_eq!(renewed, Step::Leaf);
    for names in [&one, &two] {
        assert_eq!(step_for(&material, names, None, begin()).0, Step::Keep);
    }
    // With the next certificate only the names of who asks for it are left.
    let (_, material) = step_for(&material, &two, None, begin() + 300 * DAY);
    assert_eq!(State::of(&material, begin() + 300 * DAY).leaf.map(|leaf| leaf.names), Some(two));
}

#[test]
fn a_replica_whose_clock_is_behind_leaves_what_the_others_made() {
    let (_, material) = step(&Material::default(), None, begin());
    assert_eq!(step(&material, None, begin() - 10 * DAY).0, Step::Keep);
    assert!(material.pair(begin() - 10 * DAY).is_ok());
}

#[test]
fn times_that_make_no_sense_are_made_to_fit() {
    for (leaf, ca, before) in [(0, 0, Some(0)), (1, 1, Some(9)), (u64::MAX, u64::MAX, None), (60, 5, None)] {
        let terms =
            Terms::new(Duration::from_secs(leaf), Duration::from_secs(ca), before.map(Duration::from_secs));
        assert!(terms.ca >= terms.leaf * 3 && terms.renew_before <= terms.leaf / 2, "{terms:?}");
        assert!(terms.settle <= terms.renew_before && !terms.poll.is_zero(), "{terms:?}");
        let far = SystemTime::UNIX_EPOCH + Duration::from_secs(253_000_000_000);
        let state = State::default();
        assert!(take(Step::Fresh, (&Material::default(), &state), &terms, &name(), far).is_ok());
    }
}

#[test]
fn a_private_key_is_in_no_debug() {
    let (_, material) = step(&Material::default(), None, begin());
    assert!(!format!("{material:?}").contains("PRIVATE"));
}
