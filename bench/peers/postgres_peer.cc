// PostgreSQL 15: orders in a table, windows as aggregates over covering indexes, asked for by one
// prepared call an event; order and decision in one transaction, committed with synchronous_commit
// on. Several connections, so that commits share a sync.

#include <fcntl.h>
#include <libpq-fe.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <thread>

#include "bench/ledger/postgres.h"
#include "bench/peers/peer.h"

namespace credence::bench {

namespace {

constexpr size_t kNumbers = 21;  // of an entity: as in orders.lua

struct ConnectionDeleter {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
struct ResultDeleter {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Rows = std::unique_ptr<PGresult, ResultDeleter>;

// "{1,2,NULL}"; NULL is 0. False unless there are `count`.
bool ParseNumbers(std::string_view text, size_t count, std::vector<int64_t>* numbers) {
  numbers->clear();
  if (text.size() < 2) return false;
  const char* at = text.data() + 1;
  const char* end = text.data() + text.size() - 1;
  while (at < end) {
    int64_t number = 0;
    if (*at == 'N') {
      at += 4;
    } else {
      const auto [next, error] = std::from_chars(at, end, number);
      if (error != std::errc{}) return false;
      at = next;
    }
    numbers->push_back(number);
    if (at < end) ++at;
  }
  return numbers->size() == count;
}

Answers AnswersOf(std::span<const int64_t> numbers) {
  Answers answers;
  for (size_t e = 0; e < kEntities; ++e) {
    const auto at = numbers.subspan(e * kNumbers, kNumbers);
    EntityAnswer& answer = answers[e];
    for (size_t w = 0; w < kWindows; ++w) {
      answer.windows[w].count = at[2 * w];
      answer.windows[w].sum = at[2 * w + 1];
    }
    answer.windows[4].squares = at[12];
    answer.windows[5].squares = at[13];
    answer.windows[3].max = at[14];
    answer.windows[5].max = at[15];
    answer.windows[2].distinct = at[16];
    answer.windows[3].distinct = at[17];
    answer.windows[5].distinct = at[18];
    answer.has_last = at[20] > 0;
    answer.last = at[19];
    answer.last_us = at[20];
  }
  return answers;
}

// One connection, used by one thread.
class Session {
 public:
  Session(const std::shared_ptr<const pack::Pack>& pack) : decider_(pack) {}

  Status Connect(const std::string& folder) {
    const std::string where = "host=" + folder + " user=bench dbname=postgres " +
                              "options='-c plan_cache_mode=force_generic_plan -c jit=off "
                              "-c enable_seqscan=off -c enable_bitmapscan=off'";
    connection_.reset(PQconnectdb(where.c_str()));
    if (PQstatus(connection_.get()) != CONNECTION_OK) return Failed();
    const Rows taking(PQprepare(connection_.get(), "take",
                                "SELECT take_order($1, $2, $3, $4, $5, $6, $7, $8, $9)", 0,
                                nullptr));
    const Rows deciding(PQprepare(connection_.get(), "decide",
                                  "INSERT INTO decisions VALUES ($1, $2, $3, $4)", 0, nullptr));
    if (PQresultStatus(taking.get()) != PGRES_COMMAND_OK ||
        PQresultStatus(deciding.get()) != PGRES_COMMAND_OK ||
        PQenterPipelineMode(connection_.get()) != 1) {
      return Failed();
    }
    return {};
  }

  // One transaction: what stands between two syncs of the pipeline.
  Status Take(const std::string& text, uint64_t seq, size_t index, Recorder* recorder) {
    const Clock::time_point began = Clock::now();
    arena_.Reset();
    Order order;
    CREDENCE_TRY(decider_.Parse(text, seq, &arena_, &order));
    const std::string number = std::to_string(seq);
    CREDENCE_TRY(Send(
        "take", {number, std::string(order.event.id), std::to_string(order.time_us),
                 std::string(order.keys[0]), std::string(order.keys[1]), std::string(order.keys[2]),
                 std::string(order.keys[3]), std::to_string(order.amount), text}));
    if (PQsendFlushRequest(connection_.get()) != 1 || PQflush(connection_.get()) < 0) {
      return Failed();
    }
    {
      CREDENCE_ASSIGN(const Rows rows, Receive(PGRES_TUPLES_OK));
      const std::string_view array(PQgetvalue(rows.get(), 0, 0),
                                   static_cast<size_t>(PQgetlength(rows.get(), 0, 0)));
      if (!ParseNumbers(array, kEntities * kNumbers, &numbers_)) {
        return Internal("PostgreSQL answers otherwise: " + std::string(array));
      }
    }
    std::vector<record::Value> features;
    const record::DecisionRecord decision = decider_.Decide(order, AnswersOf(numbers_), &features);
    std::string reasons;
    for (const std::string& reason : decision.reasons) reasons += reason + " ";
    CREDENCE_TRY(Send("decide", {number, decision.outcome,
                                 decision.score ? decision.score->ToString() : "", reasons}));
    if (PQpipelineSync(connection_.get()) != 1) return Failed();
    CREDENCE_TRY(Receive(PGRES_COMMAND_OK).status());
    const Rows synced(PQgetResult(connection_.get()));
    if (PQresultStatus(synced.get()) != PGRES_PIPELINE_SYNC) return Failed();
    recorder->Answered(began);
    recorder->Decided(index, decision.outcome, std::move(features));
    return {};
  }

 private:
  Status Send(const char* statement, const std::vector<std::string>& values) {
    std::vector<const char*> pointers;
    for (const std::string& value : values) pointers.push_back(value.c_str());
    if (PQsendQueryPrepared(connection_.get(), statement, static_cast<int>(values.size()),
                            pointers.data(), nullptr, nullptr, 0) != 1) {
      return Failed();
    }
    return {};
  }
  // One result and the end of its query.
  Result<Rows> Receive(ExecStatusType wanted) {
    Rows rows(PQgetResult(connection_.get()));
    if (PQresultStatus(rows.get()) != wanted) return Failed();
    const Rows end(PQgetResult(connection_.get()));
    if (end != nullptr) return Internal("PostgreSQL answers twice");
    return rows;
  }
  Status Failed() {
    return Internal(std::string("PostgreSQL: ") + PQerrorMessage(connection_.get()));
  }

  Decider decider_;
  Arena arena_;
  std::vector<int64_t> numbers_;
  std::unique_ptr<PGconn, ConnectionDeleter> connection_;
};

class PostgresPeer final : public Peer {
 public:
  PostgresPeer(std::shared_ptr<const pack::Pack> pack, PeerOptions options)
      : pack_(std::move(pack)), options_(std::move(options)) {}

  Status Open() {
    CREDENCE_ASSIGN(server_, Postgres::Start(options_.folder,
                                             " -c autovacuum=on -c autovacuum_naptime=5s"
                                             " -c max_connections=100"));
    CREDENCE_TRY(server_->RunFile(std::string(CREDENCE_PEERS_FOLDER) + "/sql/schema.sql"));
    CREDENCE_ASSIGN(version_, server_->Run("SHOW server_version"));
    version_ = version_.substr(0, version_.find_first_of(" \n"));
    return NoteLog();
  }

  std::string name() const override { return "postgres"; }
  std::string version() const override {
    return "PostgreSQL " + version_ +
           ", aggregates over covering indexes, one transaction an event, synchronous_commit on, " +
           std::to_string(options_.connections) + " connections";
  }
  size_t in_flight() const override { return options_.connections; }

  Status Preload(std::span<const std::string> texts) override {
    // By COPY, in text format: nothing in the events is escaped but the backslash, which they lack.
    const std::string path = options_.folder + "/orders.copy";
    {
      std::ofstream file(path);
      Decider decider(pack_);
      Arena arena;
      for (size_t i = 0; i < texts.size(); ++i) {
        arena.Reset();
        Order order;
        CREDENCE_TRY(decider.Parse(texts[i], i + 1, &arena, &order));
        file << i + 1 << '\t' << order.event.id << '\t' << order.time_us;
        for (const std::string_view key : order.keys) file << '\t' << key;
        file << '\t' << order.amount << '\t' << texts[i] << '\n';
      }
      if (!file) return Internal("cannot write " + path);
    }
    CREDENCE_TRY(server_->Run("COPY orders FROM '" + path + "'").status());
    CREDENCE_TRY(server_->Run("VACUUM ANALYZE orders").status());
    CREDENCE_TRY(server_->Run("CHECKPOINT").status());
    return NoteLog();
  }

  Status Run(std::span<const std::string> texts, uint64_t first_seq, bool alone,
             Recorder* recorder) override {
    const size_t connections = alone ? 1 : options_.connections;
    std::vector<std::unique_ptr<Session>> sessions;
    for (size_t i = 0; i < connections; ++i) {
      sessions.push_back(std::make_unique<Session>(pack_));
      CREDENCE_TRY(sessions.back()->Connect(options_.folder));
    }
    std::atomic<size_t> next = 0;
    std::vector<Status> ended(connections);
    const auto work = [&](size_t which) {
      for (size_t i = next++; i < texts.size() && ended[which].ok(); i = next++) {
        ended[which] = sessions[which]->Take(texts[i], first_seq + i, i, recorder);
      }
    };
    std::vector<std::thread> threads;
    for (size_t i = 1; i < connections; ++i) threads.emplace_back(work, i);
    work(0);
    for (std::thread& thread : threads) thread.join();
    for (const Status& status : ended) CREDENCE_TRY(status);
    return {};
  }

  Result<Footprint> Measure() override {
    Footprint footprint;
    std::ifstream file(options_.folder + "/data/postmaster.pid");
    int pid = 0;
    file >> pid;
    footprint.memory_bytes = ProcessBytes(pid);
    CREDENCE_ASSIGN(
        const std::string log,
        server_->Run("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '" + log_at_ + "')"));
    footprint.log_bytes = std::stoull(log);
    CREDENCE_ASSIGN(const std::string data,
                    server_->Run("SELECT pg_total_relation_size('orders') + "
                                 "pg_total_relation_size('decisions')"));
    footprint.data_bytes = std::stoull(data);
    return footprint;
  }

 private:
  Status NoteLog() {
    CREDENCE_ASSIGN(log_at_, server_->Run("SELECT pg_current_wal_lsn()"));
    log_at_ = log_at_.substr(0, log_at_.find('\n'));
    return {};
  }

  std::shared_ptr<const pack::Pack> pack_;
  PeerOptions options_;
  std::unique_ptr<Postgres> server_;
  std::string version_;
  std::string log_at_;
};

}  // namespace

Result<std::unique_ptr<Peer>> StartPostgres(std::shared_ptr<const pack::Pack> pack,
                                            const PeerOptions& options) {
  auto peer = std::make_unique<PostgresPeer>(std::move(pack), options);
  CREDENCE_TRY(peer->Open());
  return std::unique_ptr<Peer>(std::move(peer));
}

}  // namespace credence::bench
