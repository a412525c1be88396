#pragma once
// What the tests and the fuzzer of this folder share: frames as plain values, and a workload made
// from a seed.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/random.h"
#include "src/journal/fault_file.h"
#include "src/journal/journal.h"

namespace credence::journal {

struct PlainFrame {
  FrameKind kind = FrameKind::kBatch;
  uint64_t index = 0;
  uint64_t first_seq = 0;
  uint64_t last_seq = 0;
  std::vector<std::string> records;
  friend bool operator==(const PlainFrame&, const PlainFrame&) = default;
};

inline PlainFrame Plain(const FrameView& view) {
  PlainFrame frame{view.kind, view.index, view.first_seq.value(), view.last_seq.value(), {}};
  for (const std::string_view record : view.records) frame.records.emplace_back(record);
  return frame;
}

struct Contents {
  std::vector<PlainFrame> frames;
  Status status;  // how reading ended
  Tail tail;
  ChainHead head;
};

inline Contents ReadAll(FileSystem& files, const std::string& folder,
                        const ReadOptions& options = {}) {
  Contents contents;
  auto reader = JournalReader::Open(files, folder, options);
  contents.status = reader.status();
  if (!reader.ok()) return contents;
  for (;;) {
    FrameView view;
    const auto more = (*reader)->Next(&view);
    contents.status = more.status();
    if (!more.ok() || !*more) break;
    contents.frames.push_back(Plain(view));
  }
  contents.tail = (*reader)->tail();
  contents.head = (*reader)->head();
  return contents;
}

// A batch from a seed: a few records, some empty, some with long runs of zeros, some over many
// sectors.
inline std::vector<std::string> RandomRecords(Random& random, uint64_t bytes_max) {
  std::vector<std::string> records(1 + random.Below(4));
  for (std::string& record : records) {
    const uint64_t size = random.OneIn(4) ? random.Below(8) : random.Below(bytes_max + 1);
    record.assign(size, '\0');
    if (random.OneIn(5)) continue;
    for (char& c : record) c = static_cast<char>(random.Next());
    if (size > 64 && random.OneIn(3)) {
      const uint64_t from = random.Below(size);
      record.replace(from, size - from, size - from, '\0');
    }
  }
  return records;
}

inline Result<ChainHead> AppendRecords(Journal& journal, uint64_t sequences,
                                       const std::vector<std::string>& records) {
  const std::vector<std::string_view> views(records.begin(), records.end());
  return journal.Append(Seq(journal.head().last_seq.value() + sequences), views);
}

// What AppendRecords adds to a journal that stands at `before`.
inline PlainFrame Expected(const ChainHead& before, uint64_t sequences,
                           const std::vector<std::string>& records) {
  return {FrameKind::kBatch, before.frames + 1, before.last_seq.value() + 1,
          before.last_seq.value() + sequences, records};
}

}  // namespace credence::journal
