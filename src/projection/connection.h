#pragma once
// One read-only connection to the read model: what Readers (read_model.h) runs its questions on,
// between Begin and End in one snapshot. One thread at a time.

#include <sys/stat.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "src/projection/read_model.h"
#include "src/projection/sqlite.h"

namespace credence::projection {

constexpr int64_t FloorDivide(int64_t a, int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

// What a filter means inside: numbers instead of names.
struct Wanted;

class Connection {
 public:
  static Result<std::unique_ptr<Connection>> Open(const std::string& path);
  // Whether the file is still the one that was opened.
  [[nodiscard]] bool IsOf(const std::string& path) const;

  Status Begin(AsOf* as_of);
  void End();

  Result<Found<DecisionRow>> Decision(Seq seq);
  Result<Page<DecisionRow>> Decisions(const DecisionFilter& filter, size_t limit, uint64_t before,
                                      uint64_t query_hash);
  Result<Found<EntityRow>> Entity(const EntityKey& key);
  Result<Page<EntityEventRow>> EntityEvents(const EntityKey& key, bool decided_only, size_t limit,
                                            uint64_t before, uint64_t query_hash);
  Result<Page<EntityEventRow>> EventsAbout(std::string_view source, std::string_view id,
                                           size_t limit, uint64_t before, uint64_t query_hash);
  Result<Activity> ReadActivity(const ActivityQuery& query, int64_t first_hour, int64_t end_hour);
  Result<Page<ActionRow>> Actions(size_t limit, uint64_t before, uint64_t query_hash);

 private:
  struct FileId {
    dev_t device = 0;
    ino_t inode = 0;
    friend bool operator==(const FileId&, const FileId&) = default;
  };
  static FileId Identify(const std::string& path);

  Result<std::optional<int64_t>> FindName(std::string_view text);
  Result<std::string> NameOf(int64_t id);
  Result<std::optional<int64_t>> FindEntity(const EntityKey& key);
  Result<EntityKey> EntityOf(int64_t id);
  Result<EventRow> EventOf(Seq seq);
  Result<RecordPlace> PlaceOf(Seq seq);
  Result<DecisionRow> RowOf(const Statement& statement);
  Result<EntityEventRow> EventWithDecision(Seq seq);
  Result<Wanted> Resolve(const DecisionFilter& filter, uint64_t before);
  Status NarrowToHours(Wanted* wanted);
  Result<uint64_t> ChainStart(int64_t entity, bool decided, uint64_t before);
  Result<Statement*> Drive(const Wanted& wanted);
  static bool Fits(const Wanted& wanted, const Statement& row);
  Status ActivityEvents(int64_t first, int64_t end, std::map<int64_t, ActivityBucket>* buckets,
                        const std::function<int64_t(int64_t)>& bucket_of);
  Status ActivityDecisions(int64_t first, int64_t end, std::map<int64_t, ActivityBucket>* buckets,
                           const std::function<int64_t(int64_t)>& bucket_of);
  Status ActivityAmounts(int64_t first, int64_t end, std::map<int64_t, ActivityBucket>* buckets,
                         const std::function<int64_t(int64_t)>& bucket_of);

  FileId file_;
  std::unique_ptr<Database> database_;
  std::unordered_map<int64_t, std::string> names_;  // a number's name never changes
};

}  // namespace credence::projection
