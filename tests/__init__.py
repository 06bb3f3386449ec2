"""What shows that the product keeps its promises: fakes, real peers, proofs."""
