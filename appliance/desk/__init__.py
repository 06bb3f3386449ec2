"""What a person may do; the page and the command line call only this."""
