#pragma once
// The obvious read model: every row in a vector, every question answered by looking at all of them.
// The twin that ReadModel and Readers are held against.

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "src/projection/read_model.h"

namespace credence::projection {

class NaiveReadModel {
 public:
  explicit NaiveReadModel(std::function<PackNames(const Digest&)> names)
      : names_(std::move(names)) {}

  void Fold(const Frame& frame);

  [[nodiscard]] AsOf Now() const { return as_of_; }
  // All of them, newest first.
  [[nodiscard]] std::vector<DecisionRow> Decisions(const DecisionFilter& filter) const;
  [[nodiscard]] std::optional<EntityRow> Entity(const EntityKey& key) const;
  [[nodiscard]] std::vector<EntityEventRow> EntityEvents(const EntityKey& key,
                                                         bool decided_only) const;
  [[nodiscard]] std::vector<EntityEventRow> EventsAbout(std::string_view source,
                                                        std::string_view id) const;
  [[nodiscard]] std::vector<ActivityBucket> ReadActivity(const ActivityQuery& query) const;
  [[nodiscard]] const std::vector<ActionRow>& actions() const { return actions_; }  // oldest first
  [[nodiscard]] std::set<std::pair<std::string, std::string>> EntityKeys() const;

 private:
  struct Amount {
    std::string field;
    Currency currency;
    int64_t base_minor = 0;
  };
  struct Happened {
    EventRow row;
    RecordPlace place;
    std::vector<Amount> amounts;
  };
  [[nodiscard]] const Happened* Find(Seq seq) const;
  // What was decided on the event at once; null if nothing was.
  [[nodiscard]] const DecisionRow* DecidedOn(Seq seq) const;
  [[nodiscard]] EntityEventRow Row(const Happened& event, const DecisionRow* decision) const;

  std::function<PackNames(const Digest&)> names_;
  std::optional<Digest> pack_;
  AsOf as_of_;
  std::vector<Happened> events_;
  std::vector<DecisionRow> decisions_;
  std::vector<ActionRow> actions_;
};

}  // namespace credence::projection
