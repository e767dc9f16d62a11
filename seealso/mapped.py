"""Files that are mapped and written: room on the disk is taken for all of one before any of it is touched."""

import os


def take_room(file: int, length: int) -> None:
    """Have an open file be at least so many bytes long, with a block on the disk for each of them.

    Who writes into a mapped file where it has no block, while the disk is full, is killed (SIGBUS); on tmpfs, who reads
    there, too. The file is not to be open for appending (posix_fallocate(3)). Raises OSError if there is no room.
    """
    found = os.fstat(file)
    length = max(length, found.st_size)
    # Where all is there nothing is asked for: a full XFS refuses even then.
    if found.st_size < length or found.st_blocks * 512 < length:
        os.posix_fallocate(file, 0, length)
