#pragma once
// The read model's file is written without syncing (it can be made again from the journal), and the
// kernel would keep what is dirty for half a minute and then write all of it at once: tens of
// megabytes, behind which every sync of the journal waits. Here SQLite's moves from its log to its
// file are handed to the disk as they come, a few pages at a time.

namespace credence::projection {

// From now on, for every connection of this process. Any number of times, from any thread.
void WriteOutInSteps();

}  // namespace credence::projection
