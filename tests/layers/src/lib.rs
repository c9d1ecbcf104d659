//! Tests of the house itself: who may import whom, what we depend on and under which licences, where `unsafe` stands.
