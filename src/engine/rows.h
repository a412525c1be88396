#pragma once
// The rows of a checkpoint: which table holds what, and the bytes of keys and values. The document
// is docs/formats/store.md.
//
//   entity      ordered64(generation) key               EntityState::AppendHead
//   chunk       ordered64(generation) ordered64(number) what EntityState::KeepChunks gave
//   once        ordered64(day) key16                    digest16 varint(sequence)
//   reversible  key16                                   varint(sequence) fixed64(stamp)
//   u8(reversed)
//                                                       (bytes(entity's name) bytes(key))*
//   small       u8(kind) …
//     kKillSwitch  decision's name                      u8(on)
//     kRate        fixed32(currency)                    fixed128(rate)
//     kParked      ordered64(sequence)                  bytes(source) bytes(decision record)
//     kMoneyProduct  digest32                           digest32 of a pack which has the product
//     kActivationRequest  digest32 of a pack            who asked
//     255          "counters"                           of the writer; no part of the state
//   money       u8(kind) …                              of MoneyState::VisitRows
//     kMoneyLedger  u8(table's rank) key
//     the other kinds of money               key
//
// ordered64 is big endian with the sign bit turned, so that bytes have the order of numbers.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/status.h"
#include "src/engine/once_index.h"
#include "src/pack/pack.h"
#include "src/store/store.h"

namespace credence::engine {

class MoneyState;
class State;
struct ReversibleRow;
struct ParkedRow;

// Stored. Do not change; add at the end.
inline constexpr size_t kSmallTable = 0;
inline constexpr size_t kEntityTable = 1;
inline constexpr size_t kOnceTable = 2;
inline constexpr size_t kReversibleTable = 3;
inline constexpr size_t kChunkTable = 4;
inline constexpr size_t kMoneyTable = 5;
[[nodiscard]] std::vector<std::string> TableNames();

void PutOrdered64(uint64_t value, std::string* out);

void PutOnce(const OnceIndex::Row& row, store::Batch* batch);
// All days before this one.
void DeleteOnceBefore(int64_t day, store::Batch* batch);
void PutReversible(const EventKey& key, const ReversibleRow& row, const record::Schema& schema,
                   store::Batch* batch);
void DeleteReversible(const EventKey& key, store::Batch* batch);
void DeleteAllReversible(store::Batch* batch);
void PutActivationRequest(const Digest& wanted, std::string_view by, store::Batch* batch);
void DeleteActivationRequest(const Digest& wanted, store::Batch* batch);
void PutParked(Seq seq, const ParkedRow& row, store::Batch* batch);
void DeleteParked(Seq seq, store::Batch* batch);
// What has changed of money since the last time.
void PutMoneyChanges(MoneyState* money, store::Batch* batch);
// Kill switches and rates, all of them: they are few, and none is ever taken away.
void PutSwitchesAndRates(const State& state, store::Batch* batch);

// Everything but entities into a state that has its pack, its first day and nothing else.
// `load_pack` gives the packs of parked decisions and of loans. kDataLoss on a row that cannot be.
using PackLoader = std::function<Result<std::shared_ptr<const pack::Pack>>(const Digest&)>;
Status LoadRows(const store::Store& store, const PackLoader& load_pack, State* state);

// What a checkpoint notes beside the position of the journal.
struct CheckpointNote {
  Timestamp last_stamp;
  int64_t once_first_day = 0;
  Digest pack;
  std::vector<Digest> artefacts;  // of the pack's files, in order of their paths
  // By entity type, in the pack's order: the generation of its rows, which no other type has, how
  // many entities there are, and the last number that a chunk of theirs was given.
  struct Entities {
    std::string name;
    uint64_t generation = 0;
    uint64_t count = 0;
    uint64_t last_chunk = 0;
  };
  std::vector<Entities> entities;
  [[nodiscard]] std::string Encode() const;
  static Result<CheckpointNote> Decode(std::string_view bytes);
};

// What the writer of a checkpoint had counted; kept so that others can look.
struct WriterCounters {
  uint64_t checkpoints = 0;
  uint64_t bytes = 0;  // of all their batches
  uint64_t hits = 0;
  uint64_t prefetched = 0;
  uint64_t misses = 0;
  uint64_t evicted = 0;
};
void PutCounters(const WriterCounters& counters, store::Batch* batch);
// Zeros if there are none.
Result<WriterCounters> GetCounters(const store::Store& store);

}  // namespace credence::engine
