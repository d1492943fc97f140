"""What changes at run time, apart from what the operator wrote: the overlay, its one writer, its file."""
