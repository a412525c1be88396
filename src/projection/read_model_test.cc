#include "src/projection/read_model.h"

#include <sqlite3.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <thread>

#include "src/base/bytes.h"
#include "src/projection/read_model_testing.h"

namespace credence::projection {

namespace {

std::string Show(const EventRow& row) {
  std::string text = "event " + std::to_string(row.seq.value()) + " " + row.type + " " +
                     row.source + " " + row.id + " " + row.time.ToString() + " " +
                     row.stamp.ToString() + " about " + row.about + " reverses " + row.reverses;
  for (const EntityKey& key : row.entities) text += " " + key.type + "=" + key.KeyText();
  return text;
}

std::string Show(const RecordPlace& place) {
  return std::to_string(place.frame) + "/" + std::to_string(place.segment) + "/" +
         std::to_string(place.offset);
}

std::string Show(const DecisionRow& row) {
  std::string text = std::to_string(row.seq.value()) + " of " +
                     std::to_string(row.event_seq.value()) + " " + row.decision + " " +
                     row.time.ToString() + " '" + row.outcome + "' path " +
                     std::to_string(static_cast<int>(row.path)) + " score " +
                     (row.score ? row.score->ToString() : "none") + " pd " +
                     (row.probability_of_default ? row.probability_of_default->ToString() : "none");
  for (const std::string& reason : row.reasons) text += " " + reason;
  return text + " pack " + row.pack.ToHex().substr(0, 8) + " at " + Show(row.place) + " " +
         Show(row.event_place) + " " + Show(row.event);
}

std::string Show(const EntityEventRow& row) {
  return Show(row.event) + " decided " + std::to_string(row.decision_seq.value()) + " " +
         row.decision + " " + row.outcome + " at " + Show(row.place);
}

std::string Show(const EntityRow& row) {
  return row.key.type + " " + row.key.KeyText() + " " + std::to_string(row.first_seq.value()) +
         ".." + std::to_string(row.last_seq.value()) + " " + row.first_time.ToString() + ".." +
         row.last_time.ToString() + " " + std::to_string(row.events) + " " +
         std::to_string(row.decisions);
}

std::string Show(const ActionRow& row) {
  return std::string(ActionKindName(row.kind)) + " " + std::to_string(row.seq.value()) + " " +
         row.stamp.ToString() + " " + row.by + " " + row.approved_by + " " + row.pack_name + " " +
         (row.pack ? row.pack->ToHex() : "none") + (row.on ? " on " : " off ") + row.decision +
         " " + row.reason + " " + row.currency + " " + (row.rate ? row.rate->ToString() : "none") +
         " at " + Show(row.place);
}

std::string Show(const ActivityBucket& bucket) {
  std::string text = bucket.start.ToString();
  for (const auto& e : bucket.events) text += "\n  " + e.type + " " + std::to_string(e.count);
  for (const auto& d : bucket.decisions) {
    text += "\n  " + d.decision + " '" + d.outcome + "' " + std::to_string(d.count);
  }
  for (const auto& a : bucket.amounts) {
    text += "\n  " + a.type + "." + a.field + " " + std::string(a.currency.code()) + " " +
            a.decision + " '" + a.outcome + "' " + std::to_string(a.count) + " " +
            ToString(a.total_minor);
  }
  return text;
}

template <class Row>
std::vector<std::string> ShowAll(const std::vector<Row>& rows) {
  std::vector<std::string> texts;
  for (const Row& row : rows) texts.push_back(Show(row));
  return texts;
}

// Every page of a list, put together; pages of random sizes.
template <class Ask>
std::vector<std::string> AllPages(Random* random, Ask ask) {
  std::vector<std::string> texts;
  PageRequest request;
  for (int pages = 0; pages < 10'000; ++pages) {
    request.limit = 1 + random->Below(9);
    const auto page = ask(request);
    EXPECT_TRUE(page.ok()) << page.status().ToString();
    if (!page.ok()) break;
    EXPECT_LE(page->rows.size(), request.limit);
    for (const auto& row : page->rows) texts.push_back(Show(row));
    if (page->next.empty()) break;
    request.cursor = page->next;
  }
  return texts;
}

// The first column of the last row, as a person with sqlite3 sees it.
std::string AskOne(const std::string& path, const std::string& sql) {
  sqlite3* database = nullptr;
  EXPECT_EQ(sqlite3_open_v2(path.c_str(), &database, SQLITE_OPEN_READONLY, nullptr), SQLITE_OK);
  std::string value;
  const auto take = [](void* out, int, char** values, char**) {
    *static_cast<std::string*>(out) = values[0] == nullptr ? "NULL" : values[0];
    return 0;
  };
  EXPECT_EQ(sqlite3_exec(database, sql.c_str(), take, &value, nullptr), SQLITE_OK)
      << sqlite3_errmsg(database);
  sqlite3_close(database);
  return value;
}

// Every table of the file, every row of it, in the order of all its columns.
std::string Dump(const std::string& path) {
  sqlite3* database = nullptr;
  EXPECT_EQ(sqlite3_open_v2(path.c_str(), &database, SQLITE_OPEN_READONLY, nullptr), SQLITE_OK);
  std::string dump;
  const auto append = [](void* out, int columns, char** values, char** names) {
    auto* text = static_cast<std::string*>(out);
    for (int i = 0; i < columns; ++i) {
      *text += std::string(names[i]) + "=" + (values[i] == nullptr ? "NULL" : values[i]) + " ";
    }
    *text += "\n";
    return 0;
  };
  std::string tables;
  const auto list = [](void* out, int, char** values, char**) {
    *static_cast<std::string*>(out) += std::string(values[0]) + "\n";
    return 0;
  };
  sqlite3_exec(database, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name", list,
               &tables, nullptr);
  for (size_t at = 0; at < tables.size();) {
    const size_t end = tables.find('\n', at);
    const std::string table = tables.substr(at, end - at);
    at = end + 1;
    if (table.starts_with("sqlite_")) continue;
    dump += "-- " + table + "\n";
    const std::string sql = "SELECT *, hex(quote(" + std::string(table == "entity" ? "key" : "1") +
                            ")) FROM " + table + " ORDER BY 1, 2, 3";
    EXPECT_EQ(sqlite3_exec(database, sql.c_str(), append, &dump, nullptr), SQLITE_OK)
        << sqlite3_errmsg(database);
  }
  sqlite3_close(database);
  return dump;
}

NaiveReadModel NaiveOf(const std::vector<StoredFrame>& frames) {
  NaiveReadModel naive([](const Digest& pack) { return *NamesOf(pack); });
  for (const StoredFrame& frame : frames) naive.Fold(frame.View());
  return naive;
}

// ---- folding

TEST_F(ReadModelTest, AnyBatchesWithAKillAfterAnyOfThemGiveTheRowsOfARebuildFromNothing) {
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const std::vector<StoredFrame> frames = RandomJournal(seed).Make(120);
    const std::string whole = Path("whole" + std::to_string(seed));
    {
      const auto model = MustOpen(whole);
      ASSERT_NO_FATAL_FAILURE(MustFold(*model, frames, 0, frames.size()));
      ASSERT_TRUE(model->Close().ok());
    }
    Random random(seed);
    std::string path = Path("parts" + std::to_string(seed));
    auto model = MustOpen(path);
    int kills = 0;
    for (size_t at = 0; at < frames.size();) {
      const size_t end = std::min(frames.size(), at + 1 + random.Below(15));
      ASSERT_NO_FATAL_FAILURE(MustFold(*model, frames, at, end));
      at = end;
      if (random.OneIn(2)) continue;
      const std::string left = path + "k";  // what the killed process leaves
      CopyFiles(path, left);
      path = left;
      model = MustOpen(path);
      ++kills;
      ASSERT_EQ(model->opened().remade, "");
      ASSERT_EQ(model->position().frame, frames[at - 1].frame.index);
      ASSERT_EQ(model->position().chain, frames[at - 1].frame.chain);
    }
    EXPECT_GT(kills, 2);
    ASSERT_TRUE(model->Close().ok());
    EXPECT_EQ(Dump(path), Dump(whole));
  }
}

TEST_F(ReadModelTest, ABatchThatFailsLeavesNothingAndMayBeMadeAgain) {
  const std::vector<StoredFrame> frames = RandomJournal(71).Make(60);
  bool fail = false;
  Options options = TestOptions();
  // The second pack's names cannot be had at first, in the middle of a batch.
  options.names = [&fail](const Digest& pack) -> Result<PackNames> {
    if (fail && pack == PackDigest(1)) return Unavailable("not now");
    return NamesOf(pack);
  };
  const auto model = MustOpen(Path(), std::move(options));
  ASSERT_NO_FATAL_FAILURE(MustFold(*model, frames, 0, 1));
  const std::string before = Dump(Path());
  fail = true;
  std::vector<Frame> rest;
  for (size_t i = 1; i < frames.size(); ++i) rest.push_back(frames[i].View());
  EXPECT_EQ(model->Fold(rest).code(), StatusCode::kUnavailable);
  EXPECT_EQ(model->position().frame, 1U);
  EXPECT_EQ(Dump(Path()), before);
  fail = false;
  ASSERT_TRUE(model->Fold(rest).ok());
  const auto whole = MustOpen(Path("whole"));
  ASSERT_NO_FATAL_FAILURE(MustFold(*whole, frames, 0, frames.size()));
  EXPECT_EQ(Dump(Path()), Dump(Path("whole")));
}

TEST_F(ReadModelTest, ARecordThatCannotBeReadIsDataLossThatNamesItsFrame) {
  std::vector<StoredFrame> frames = RandomJournal(8).Make(3);
  StoredFrame& damaged = frames[1];
  damaged.frame.last_seq = damaged.frame.first_seq;
  damaged.bytes.assign(1, "\x02\x01");
  damaged.views.assign(1, damaged.bytes[0]);
  const auto model = MustOpen(Path());
  const Frame views[] = {frames[0].View(), frames[1].View()};
  const Status status = model->Fold(views);
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_NE(status.message().find("frame 2"), std::string::npos) << status.message();
  EXPECT_EQ(model->position().frame, 0U);
}

TEST_F(ReadModelTest, FramesThatDoNotFollowAreRefused) {
  const std::vector<StoredFrame> frames = RandomJournal(9).Make(4);
  const auto model = MustOpen(Path());
  ASSERT_NO_FATAL_FAILURE(MustFold(*model, frames, 0, 1));
  const Frame gap = frames[2].View();
  EXPECT_EQ(model->Fold({&gap, 1}).code(), StatusCode::kInvalidArgument);
  const Frame again = frames[0].View();
  EXPECT_EQ(model->Fold({&again, 1}).code(), StatusCode::kInvalidArgument);
  ASSERT_NO_FATAL_FAILURE(MustFold(*model, frames, 1, 4));
}

TEST_F(ReadModelTest, AJournalWhoseBeginningWasRetiredIsFoldedFromWhereItBegins) {
  const std::vector<StoredFrame> frames = RandomJournal(10).Make(40);
  Options options = TestOptions();
  options.first_pack = PackDigest(0);
  const auto model = MustOpen(Path(), std::move(options));
  ASSERT_NO_FATAL_FAILURE(MustFold(*model, frames, 1, frames.size()));
  const auto readers = Readers::Open(Path());
  ASSERT_TRUE(readers.ok());
  const auto page = (*readers)->Decisions({}, {});
  ASSERT_TRUE(page.ok()) << page.status().ToString();
  ASSERT_FALSE(page->rows.empty());
  EXPECT_FALSE(page->rows[0].event.type.empty());
  EXPECT_EQ(page->as_of.frame, 40U);
}

// ---- which file is taken

TEST_F(ReadModelTest, AFileThatIsNoReadModelOrADamagedOneIsRemade) {
  const std::vector<StoredFrame> frames = RandomJournal(11).Make(60);
  const std::string good = Path("good");
  {
    const auto model = MustOpen(good);
    ASSERT_NO_FATAL_FAILURE(MustFold(*model, frames, 0, frames.size()));
    ASSERT_TRUE(model->Close().ok());
  }
  const auto size = std::filesystem::file_size(good);
  const std::vector<std::pair<std::string, std::function<void(const std::string&)>>> damages = {
      {"text", [](const std::string& path) { std::ofstream(path) << "no database at all"; }},
      {"another program's database",
       [](const std::string& path) {
         std::filesystem::remove(path);
         sqlite3* database = nullptr;
         sqlite3_open(path.c_str(), &database);
         sqlite3_exec(database, "CREATE TABLE fold (id INTEGER)", nullptr, nullptr, nullptr);
         sqlite3_close(database);
       }},
      {"an empty file", [](const std::string& path) { std::filesystem::resize_file(path, 0); }},
      {"cut", [size](const std::string& path) { std::filesystem::resize_file(path, size / 2); }},
      {"overwritten in the middle",
       [size](const std::string& path) {
         std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
         file.seekp(4'096 * 3);
         file << std::string(size - 4'096 * 5, '\x5A');
       }},
      {"another release's",
       [](const std::string& path) {
         sqlite3* database = nullptr;
         sqlite3_open(path.c_str(), &database);
         sqlite3_exec(database, "PRAGMA user_version=99", nullptr, nullptr, nullptr);
         sqlite3_close(database);
       }},
      {"a table is gone",
       [](const std::string& path) {
         sqlite3* database = nullptr;
         sqlite3_open(path.c_str(), &database);
         sqlite3_exec(database, "DROP TABLE action", nullptr, nullptr, nullptr);
         sqlite3_close(database);
       }},
  };
  for (const auto& [what, damage] : damages) {
    SCOPED_TRACE(what);
    const std::string path = Path("damaged");
    CopyFiles(good, path);
    damage(path);
    Options options = TestOptions();
    options.check = true;
    const auto model = MustOpen(path, std::move(options));
    ASSERT_NE(model, nullptr);
    EXPECT_NE(model->opened().remade, "");
    EXPECT_EQ(model->position().frame, 0U);
    ASSERT_NO_FATAL_FAILURE(MustFold(*model, frames, 0, frames.size()));
    ASSERT_TRUE(model->Close().ok());
    EXPECT_EQ(Dump(path), Dump(good));
  }
}

TEST_F(ReadModelTest, AFileOfAnotherJournalIsRemade) {
  const std::vector<StoredFrame> frames = RandomJournal(12).Make(5);
  {
    const auto model = MustOpen(Path());
    ASSERT_NO_FATAL_FAILURE(MustFold(*model, frames, 0, frames.size()));
    ASSERT_TRUE(model->Close().ok());
  }
  Options options = TestOptions();
  options.journal_id = {9};
  const auto model = MustOpen(Path(), std::move(options));
  EXPECT_EQ(model->opened().remade, "it is of another journal");
  EXPECT_EQ(model->position(), Position());
}

TEST_F(ReadModelTest, AFileThatAMachineLeftOpenWhenItWentDownIsRemadeAndOneThatAProcessLeftIsNot) {
  const std::vector<StoredFrame> frames = RandomJournal(13).Make(5);
  MustFold(*MustOpen(Path()), frames, 0, 3);  // not closed
  Options other = TestOptions();
  other.boot = "boot two";
  {
    const auto model = MustOpen(Path());
    EXPECT_EQ(model->opened().remade, "");
    EXPECT_EQ(model->position().frame, 3U);
  }
  {
    const auto model = MustOpen(Path(), other);
    EXPECT_EQ(model->opened().remade, "the machine went down while it was being written");
    EXPECT_EQ(model->position().frame, 0U);
    ASSERT_NO_FATAL_FAILURE(MustFold(*model, frames, 0, 4));
    ASSERT_TRUE(model->Close().ok());
  }
  const auto model = MustOpen(Path());  // closed in order: whole in any run of the machine
  EXPECT_EQ(model->opened().remade, "");
  EXPECT_EQ(model->position().frame, 4U);
}

TEST_F(ReadModelTest, HasOneWriter) {
  const auto model = MustOpen(Path());
  const auto second = ReadModel::Open(files_, Path(), TestOptions());
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), StatusCode::kUnavailable);
}

// ---- reading

class Filters {
 public:
  explicit Filters(uint64_t seed) : random_(seed) {}

  DecisionFilter Decisions(Timestamp last) {
    DecisionFilter filter;
    if (random_.OneIn(4)) filter.decision = Pick({"order_risk", "coupon", "payout", "nobody's"});
    if (random_.OneIn(3)) filter.outcome = Pick({"pass", "review", "refuse", "';--", "' OR 1=1"});
    if (random_.OneIn(3)) filter.reason = Pick({"R01", "R02", "R\"4", "R99"});
    if (random_.OneIn(5)) filter.event_type = Pick({"order.placed", "room.entered"});
    if (random_.OneIn(5)) {
      filter.path = random_.OneIn(2) ? record::DecisionPath::kParked
                                     : static_cast<record::DecisionPath>(1 + random_.Below(4));
    }
    if (random_.OneIn(3)) filter.entity = Key();
    if (random_.OneIn(3)) filter.from = Time(last);
    if (random_.OneIn(3)) filter.until = Time(last);
    if (filter.from && filter.until && *filter.until < *filter.from) {
      std::swap(filter.from, filter.until);
    }
    return filter;
  }

  EntityKey Key() {
    const uint64_t which = random_.OneIn(2) ? 0 : random_.Below(42);
    switch (random_.Below(4)) {
      case 0:
        return {"phone", std::string(15, '\0') + static_cast<char>(which), true};
      case 1:
        return {"device", "d" + std::to_string(which), false};
      case 2:
        return {"buyer", which == 1 ? "x' OR '1'='1" : "b" + std::to_string(which), false};
      default:  // another kind of key, another type
        return {std::string(Pick({"phone", "b'; --"})),
                std::string(15, '\0') + static_cast<char>(which), false};
    }
  }

  Timestamp Time(Timestamp last) {
    return {random_.Between(kStart.ns - kNsPerDay, last.ns + kNsPerDay)};
  }

  Random& random() { return random_; }

 private:
  std::string Pick(std::initializer_list<std::string_view> from) {
    return std::string(*(from.begin() + random_.Below(from.size())));
  }
  Random random_;
};

TEST_F(ReadModelTest, EveryAnswerIsThatOfTheNaiveModel) {
  for (uint64_t seed = 21; seed <= 24; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const std::vector<StoredFrame> frames = RandomJournal(seed).Make(140);
    const std::string path = Path(std::to_string(seed));
    const auto model = MustOpen(path);
    ASSERT_NO_FATAL_FAILURE(MustFold(*model, frames, 0, frames.size()));
    const NaiveReadModel naive = NaiveOf(frames);
    const auto opened = Readers::Open(path);
    ASSERT_TRUE(opened.ok());
    Readers& readers = **opened;
    const auto now = readers.Now();
    ASSERT_TRUE(now.ok()) << now.status().ToString();
    EXPECT_EQ(now->seq, naive.Now().seq);
    EXPECT_EQ(now->frame, frames.size());

    Filters filters(seed);
    const std::vector<DecisionRow> all = naive.Decisions({});
    ASSERT_GT(all.size(), 150U);
    const Timestamp last = all.front().event.stamp;
    size_t found = 0;
    for (int i = 0; i < 250; ++i) {
      const DecisionFilter filter = filters.Decisions(last);
      const auto expected = ShowAll(naive.Decisions(filter));
      found += expected.size();
      ASSERT_EQ(AllPages(&filters.random(),
                         [&](const PageRequest& page) { return readers.Decisions(filter, page); }),
                expected)
          << "query " << i;
    }
    EXPECT_GT(found, 1'000U);
    for (const DecisionRow& row : all) {
      const auto one = readers.Decision(row.seq);
      ASSERT_TRUE(one.ok() && one->row) << row.seq.value();
      ASSERT_EQ(Show(*one->row), Show(row));
    }
    EXPECT_FALSE(readers.Decision(Seq(now->seq.value() + 1))->row.has_value());

    for (int i = 0; i < 60; ++i) {
      const EntityKey key = filters.Key();
      const auto entity = readers.Entity(key);
      const auto expected = naive.Entity(key);
      ASSERT_TRUE(entity.ok()) << entity.status().ToString();
      ASSERT_EQ(entity->row.has_value(), expected.has_value()) << key.type << key.KeyText();
      if (expected) {
        ASSERT_EQ(Show(*entity->row), Show(*expected));
      }
      for (const bool decided : {false, true}) {
        ASSERT_EQ(AllPages(&filters.random(),
                           [&](const PageRequest& page) {
                             return readers.EntityEvents(key, decided, page);
                           }),
                  ShowAll(naive.EntityEvents(key, decided)));
      }
      const std::string id = "e-" + std::to_string(1 + filters.random().Below(80));
      ASSERT_EQ(
          AllPages(&filters.random(),
                   [&](const PageRequest& page) { return readers.EventsAbout("shop", id, page); }),
          ShowAll(naive.EventsAbout("shop", id)));
    }

    for (int i = 0; i < 40; ++i) {
      ActivityQuery query;
      query.width = filters.random().OneIn(2) ? BucketWidth::kHour : BucketWidth::kDay;
      query.from = filters.Time(last);
      query.until = Timestamp{query.from.ns + filters.random().Between(0, 30 * kNsPerDay)};
      query.utc_offset_hours = static_cast<int>(filters.random().Between(-12, 14));
      const auto activity = readers.ReadActivity(query);
      ASSERT_TRUE(activity.ok()) << activity.status().ToString();
      ASSERT_EQ(ShowAll(activity->buckets), ShowAll(naive.ReadActivity(query))) << "query " << i;
    }

    std::vector<ActionRow> actions = naive.actions();
    std::reverse(actions.begin(), actions.end());
    EXPECT_EQ(
        AllPages(&filters.random(), [&](const PageRequest& page) { return readers.Actions(page); }),
        ShowAll(actions));
  }
}

// The chains of an entity have marks only where they are long.
TEST_F(ReadModelTest, LongChainsAreReadFromAnyPlace) {
  const std::vector<StoredFrame> frames = RandomJournal(37).Make(700);
  const auto model = MustOpen(Path());
  for (size_t at = 0; at < frames.size(); at += 50) {
    ASSERT_NO_FATAL_FAILURE(MustFold(*model, frames, at, at + 50));
  }
  ASSERT_GT(std::stoi(AskOne(Path(), "SELECT count(*) FROM entity_mark WHERE decided = 0")), 4);
  ASSERT_GT(std::stoi(AskOne(Path(), "SELECT count(*) FROM entity_mark WHERE decided = 1")), 4);
  const NaiveReadModel naive = NaiveOf(frames);
  const auto readers = Readers::Open(Path());
  Random random(37);
  const EntityKey key{"buyer", "b0", false};
  for (const bool decided : {false, true}) {
    const auto read = [&](const PageRequest& page) {
      return (*readers)->EntityEvents(key, decided, page);
    };
    const std::vector<EntityEventRow> all = naive.EntityEvents(key, decided);
    ASSERT_GT(all.size(), 200U);
    ASSERT_EQ(AllPages(&random, read), ShowAll(all));
  }
  DecisionFilter filter;
  filter.entity = key;
  for (int i = 0; i < 60; ++i) {
    filter.from = Timestamp{kStart.ns + random.Between(0, 30 * kNsPerDay)};
    filter.until = Timestamp{filter.from->ns + random.Between(0, 5 * kNsPerDay)};
    ASSERT_EQ(
        AllPages(&random,
                 [&](const PageRequest& page) { return (*readers)->Decisions(filter, page); }),
        ShowAll(naive.Decisions(filter)))
        << "filter " << i;
  }
}

TEST_F(ReadModelTest, SumsOfAmountsAreExactBeyond64Bits) {
  const std::vector<StoredFrame> frames = RandomJournal(31).Make(300);
  const auto model = MustOpen(Path());
  for (size_t at = 0; at < frames.size(); at += 10) {
    ASSERT_NO_FATAL_FAILURE(MustFold(*model, frames, at, at + 10));
  }
  const auto readers = Readers::Open(Path());
  ActivityQuery query;
  query.from = kStart;
  query.until = Timestamp{kStart.ns + 900 * kNsPerDay};
  query.width = BucketWidth::kDay;
  const auto activity = (*readers)->ReadActivity(query);
  ASSERT_TRUE(activity.ok());
  Int128 greatest = 0;
  for (const ActivityBucket& bucket : activity->buckets) {
    for (const auto& amount : bucket.amounts) greatest = std::max(greatest, amount.total_minor);
  }
  EXPECT_GT(greatest, Int128{INT64_MAX});
  EXPECT_EQ(ShowAll(activity->buckets), ShowAll(NaiveOf(frames).ReadActivity(query)));
}

TEST_F(ReadModelTest, APageGoesOnWhereItEndedWhateverCameIn) {
  const std::vector<StoredFrame> frames = RandomJournal(32).Make(100);
  const auto model = MustOpen(Path());
  ASSERT_NO_FATAL_FAILURE(MustFold(*model, frames, 0, 40));
  const auto readers = Readers::Open(Path());
  const auto expected =
      ShowAll(NaiveOf(std::vector<StoredFrame>(frames.begin(), frames.begin() + 40)).Decisions({}));
  std::vector<std::string> got;
  PageRequest request;
  request.limit = 7;
  AsOf as_of;
  for (size_t at = 40;;) {
    const auto page = (*readers)->Decisions({}, request);
    ASSERT_TRUE(page.ok());
    EXPECT_GE(page->as_of.frame, as_of.frame);
    as_of = page->as_of;
    for (const DecisionRow& row : page->rows) got.push_back(Show(row));
    if (page->next.empty()) break;
    request.cursor = page->next;
    if (at < frames.size()) {
      ASSERT_NO_FATAL_FAILURE(MustFold(*model, frames, at, at + 1));
      ++at;
    }
  }
  EXPECT_EQ(got, expected);
  EXPECT_GT(as_of.frame, 40U);
}

TEST_F(ReadModelTest, ACursorThatWasNotGivenOutForTheListIsRefused) {
  const std::vector<StoredFrame> frames = RandomJournal(33).Make(60);
  const auto model = MustOpen(Path());
  ASSERT_NO_FATAL_FAILURE(MustFold(*model, frames, 0, frames.size()));
  const auto readers = Readers::Open(Path());
  DecisionFilter passed;
  passed.outcome = "pass";
  const auto first = (*readers)->Decisions(passed, {.limit = 2, .cursor = ""});
  ASSERT_TRUE(first.ok());
  ASSERT_FALSE(first->next.empty());
  const auto refused = [&](const std::string& cursor, const DecisionFilter& filter) {
    const auto page = (*readers)->Decisions(filter, {.limit = 2, .cursor = cursor});
    EXPECT_EQ(page.status().code(), StatusCode::kInvalidArgument) << cursor;
    EXPECT_TRUE(page.status().message().starts_with("cursor: ")) << page.status().message();
  };
  for (size_t cut = 1; cut < first->next.size(); ++cut) {
    refused(first->next.substr(0, cut), passed);
  }
  refused("x", passed);
  refused("c1", passed);
  refused("c1zz", passed);
  refused(first->next + "00", passed);
  refused("c2" + first->next.substr(2), passed);
  refused(std::string(100'000, 'a'), passed);
  refused("c1" + std::string(16, '0') + "00", passed);
  refused(first->next, {});
  DecisionFilter review = passed;
  review.outcome = "review";
  refused(first->next, review);
  EXPECT_EQ((*readers)->Actions({.limit = 2, .cursor = first->next}).status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_TRUE((*readers)->Decisions(passed, {.limit = 1, .cursor = first->next}).ok());
}

TEST_F(ReadModelTest, WhatIsBeyondALimitIsRefusedAndNamed) {
  const auto model = MustOpen(Path());
  const auto readers = Readers::Open(Path());
  const auto refused = [](const Status& status, std::string_view field) {
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    EXPECT_TRUE(status.message().starts_with(field)) << status.message();
  };
  refused((*readers)->Decisions({}, {.limit = 0, .cursor = ""}).status(), "limit: ");
  refused((*readers)->Decisions({}, {.limit = kPageRowsMax + 1, .cursor = ""}).status(), "limit: ");
  DecisionFilter filter;
  filter.reason = std::string(kFilterBytesMax + 1, 'r');
  refused((*readers)->Decisions(filter, {}).status(), "reason: ");
  refused((*readers)->Entity({"buyer", std::string(kFilterBytesMax + 1, 'k'), false}).status(),
          "entity key: ");
  filter = {};
  filter.from = Timestamp{5};
  filter.until = Timestamp{4};
  refused((*readers)->Decisions(filter, {}).status(), "until: ");
  ActivityQuery query;
  query.until = Timestamp{static_cast<int64_t>(kActivityBucketsMax + 1) * kNsPerHour};
  refused((*readers)->ReadActivity(query).status(), "until: ");
  query.until.ns -= kNsPerHour;
  EXPECT_TRUE((*readers)->ReadActivity(query).ok());
  query.utc_offset_hours = 15;
  refused((*readers)->ReadActivity(query).status(), "utc_offset_hours: ");
}

TEST_F(ReadModelTest, BeforeThereIsAFileAnswersAreUnavailableAndThenTheyGoOn) {
  const auto readers = Readers::Open(Path());
  ASSERT_TRUE(readers.ok());
  for (size_t i = 0; i < 2 * kReadersMax; ++i) {
    EXPECT_EQ((*readers)->Now().status().code(), StatusCode::kUnavailable);
  }
  const std::vector<StoredFrame> frames = RandomJournal(34).Make(20);
  {
    const auto model = MustOpen(Path());
    ASSERT_NO_FATAL_FAILURE(MustFold(*model, frames, 0, 20));
    EXPECT_EQ((*readers)->Now()->frame, 20U);
  }
  // Remade: the readers find the new file.
  Options options = TestOptions();
  options.remake = true;
  const auto model = MustOpen(Path(), std::move(options));
  EXPECT_EQ((*readers)->Now()->frame, 0U);
  ASSERT_NO_FATAL_FAILURE(MustFold(*model, frames, 0, 3));
  EXPECT_EQ((*readers)->Now()->frame, 3U);
}

TEST_F(ReadModelTest, ReadersBesideTheWriterSeeWholeBatchesAndNothingElse) {
  const std::vector<StoredFrame> frames = RandomJournal(35).Make(160);
  // How many decisions there are as of each frame.
  std::vector<size_t> decisions = {0};
  {
    NaiveReadModel naive([](const Digest& pack) { return *NamesOf(pack); });
    for (const StoredFrame& frame : frames) {
      naive.Fold(frame.View());
      decisions.push_back(naive.Decisions({}).size());
    }
  }
  const auto model = MustOpen(Path());
  const auto readers = Readers::Open(Path());
  std::atomic<bool> done = false;
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < static_cast<int>(kReadersMax) + 2; ++t) {
    threads.emplace_back([&] {
      uint64_t seen = 0;
      while (!done) {
        const auto page = (*readers)->Decisions({}, {.limit = kPageRowsMax, .cursor = ""});
        if (!page.ok() || page->as_of.frame < seen) {
          ++wrong;
          return;
        }
        seen = page->as_of.frame;
        const size_t expected = decisions[seen];
        if (page->rows.size() != std::min(expected, kPageRowsMax)) ++wrong;
        if (!page->rows.empty() && page->rows[0].seq > page->as_of.seq) ++wrong;
      }
    });
  }
  for (size_t at = 0; at < frames.size(); at += 4) {
    MustFold(*model, frames, at, std::min(frames.size(), at + 4));
  }
  done = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(ReadModelTest, TheViewsAreForPeople) {
  const std::vector<StoredFrame> frames = RandomJournal(36).Make(60);
  const auto model = MustOpen(Path());
  ASSERT_NO_FATAL_FAILURE(MustFold(*model, frames, 0, frames.size()));
  const auto one = [this](const std::string& sql) { return AskOne(Path(), sql); };
  const NaiveReadModel naive = NaiveOf(frames);
  const DecisionRow newest = naive.Decisions({}).front();
  EXPECT_EQ(one("SELECT id FROM decisions ORDER BY seq DESC LIMIT 1"),
            record::DecisionRecord::IdFor(newest.seq));
  EXPECT_EQ(one("SELECT count(*) FROM decisions"), std::to_string(naive.Decisions({}).size()));
  EXPECT_EQ(one("SELECT sum(count) FROM activity"), std::to_string(naive.Decisions({}).size()));
  EXPECT_EQ(one("SELECT count(*) FROM entities"), std::to_string(naive.EntityKeys().size()));
  EXPECT_EQ(one("SELECT count(*) FROM entity_events WHERE entity_type = 'buyer' AND entity_key = "
                "'b0'"),
            std::to_string(naive.EntityEvents({"buyer", "b0", false}, false).size()));
  EXPECT_EQ(one("SELECT count(DISTINCT type) FROM events"), "3");
  EXPECT_NE(one("SELECT sum(count) FROM amounts"), "NULL");
}

}  // namespace

}  // namespace credence::projection
