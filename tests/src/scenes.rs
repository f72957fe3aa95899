//! What the demo and the tests ask the gate.
