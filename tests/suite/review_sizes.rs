//! The reviews of `kpol_tests::reviews` are what the benchmarks say of them.

use kpol_tests::{
    library_evaluator,
    reviews::{Place, Pod, Policy, Size, review},
};
use kpol_vm::evaluate::{Decision, Inventory, Outcome, Scratch};

fn outcome(package: &str, pod: &Pod) -> Outcome {
    let evaluator = library_evaluator(package, (1, 34)).unwrap();
    let body = review(pod);
    serde_json::from_str::<serde_json::Value>(&body).unwrap();
    evaluator
        .review_bytes(body.as_bytes(), &mut Scratch::default(), &Inventory::empty(), &|_| None)
        .unwrap()
        .clone()
}

#[test]
fn reviews_have_their_sizes_and_managed_fields_their_share() {
    for (size, bytes, share) in [
        (Size::Small, 2_300..2_500, 0.0..0.15),
        (Size::Medium, 8_600..9_000, 0.4..0.5),
        (Size::Large, 58_000..62_000, 0.4..0.5),
    ] {
        let body = review(&size.pod());
        assert!(bytes.contains(&body.len()), "{}: {} bytes", size.name(), body.len());
        let review: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(review.to_string().len(), body.len(), "compact");
        let managed = review["request"]["object"]["metadata"]["managedFields"].to_string().len();
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let part = managed as f64 / body.len() as f64;
        assert!(share.contains(&part), "{}: {part}", size.name());
    }
}

#[test]
fn clean_reviews_keep_the_nine_policies_and_the_restricted_standard() {
    for size in Size::ALL {
        for pod in [size.pod(), Pod { init: 1, ephemeral: 1, ..size.pod() }] {
            for package in ["std.workload", "std.pss.restricted"] {
                let outcome = outcome(package, &pod);
                assert_eq!(outcome.decision, Decision::Allow, "{package} {outcome:#?}");
                assert!(!outcome.applied.is_empty());
            }
        }
    }
}

#[test]
fn each_knob_breaks_its_policy_and_no_other() {
    for policy in Policy::ALL {
        for place in [Place::Main, Place::Init, Place::Ephemeral] {
            let without = matches!(policy, Policy::ResourceLimits | Policy::ResourceRequests);
            if place == Place::Ephemeral && without {
                continue;
            }
            let pod = Pod { init: 2, ephemeral: 1, breaks: Some(policy), place, ..Size::Medium.pod() };
            let outcome = outcome("std.workload", &pod);
            let mut rules: Vec<&str> =
                outcome.findings.iter().map(|finding| finding.rule_name.as_str()).collect();
            rules.dedup();
            let mut expected = vec![policy.rule()];
            if policy == Policy::ResourceRequests {
                expected.insert(0, Policy::ResourceLimits.rule());
            }
            assert_eq!(rules, expected, "{policy:?} {place:?}");
        }
    }
}
