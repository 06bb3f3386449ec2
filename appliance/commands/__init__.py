"""What the words of the command line do; a module imports what its words need, nothing more."""
