// credence ledger: the accounts of a store, and statements of one of them as of any time.

#include "apps/ledger.h"

#include <fmt/format.h>

#include <map>
#include <memory>

#include "apps/checkpoints.h"
#include "apps/commands.h"
#include "apps/terminal.h"
#include "src/api/json_writer.h"
#include "src/engine/core.h"
#include "src/journal/posix_file.h"
#include "src/journal/reader.h"
#include "src/ledger/statement.h"
#include "src/study/retire.h"

namespace credence::apps {

namespace {

using engine::MoneyState;
using ledger::Balances;
using ledger::LineKind;
using Rows = std::vector<std::vector<std::string>>;

struct KindText {
  std::string_view name;  // in JSON and CSV
  std::string_view chinese;
};
KindText TextOf(LineKind kind) {
  switch (kind) {
    case LineKind::kPosted:
      return {"posted", "入账"};
    case LineKind::kHeld:
      return {"held", "冻结"};
    case LineKind::kCaptured:
      return {"captured", "扣款"};
    case LineKind::kReleased:
      return {"released", "解冻"};
    case LineKind::kExpired:
      return {"expired", "到期解冻"};
  }
  CREDENCE_UNREACHABLE();
}

std::string Say(LedgerOptions::Language language, std::string_view english,
                std::string_view chinese) {
  if (language == LedgerOptions::Language::kEnglish) return std::string(english);
  if (language == LedgerOptions::Language::kChinese) return std::string(chinese);
  return std::string(english) + " " + std::string(chinese);
}

// One store, read from its first frame that is retained to its last.
class Book {
 public:
  Book(FileSystem& files, const std::string& folder)
      : core_(files, folder, 0), files_(files), folder_(folder) {}

  Status Read() {
    CREDENCE_TRY(study::StartAtRetained(files_, folder_, BackingIn, 0, &core_).status());
    CREDENCE_ASSIGN(const auto reader, journal::JournalReader::Open(files_, folder_ + "/journal"));
    journal::FrameView frame;
    while (true) {
      CREDENCE_ASSIGN(const bool more, reader->Next(&frame));
      if (!more) break;
      CREDENCE_TRY(core_.FoldFrame(frame));
    }
    if (core_.state.pack == nullptr) return NotFound("the store has no pack yet");
    for (const auto& account : money().Accounts()) names_[account.id] = account;
    return {};
  }

  [[nodiscard]] const MoneyState& money() const { return core_.state.money; }
  [[nodiscard]] const pack::Pack& pack() const { return *core_.state.pack; }
  [[nodiscard]] Timestamp last() const { return core_.state.last_stamp; }
  [[nodiscard]] Currency currency() const { return pack().schema.base_currency; }
  [[nodiscard]] std::string NameOf(ledger::AccountId id) const {
    const auto found = names_.find(id);
    if (found == names_.end()) return "?";
    return found->second.role + (found->second.key.empty() ? "" : " " + found->second.key);
  }
  // What stands on the side that the role has by nature, less the other.
  [[nodiscard]] int64_t Balance(const std::string& role, const Balances& balances) const {
    const ledger::ChartEntry* entry = pack().money.postings.FindRole(role);
    const bool credit = entry != nullptr && entry->normal == ledger::Side::kCredit;
    const int64_t net = balances.debits_posted - balances.credits_posted;
    return credit ? -net : net;
  }
  [[nodiscard]] std::string Amount(int64_t minor) const {
    return Money{minor, currency()}.ToString();
  }
  [[nodiscard]] std::string Why(uint16_t code) const {
    const auto found = pack().money.posting_names.find(code);
    return found == pack().money.posting_names.end() ? std::to_string(code) : found->second;
  }

 private:
  engine::Core core_;
  FileSystem& files_;
  std::string folder_;
  std::map<ledger::AccountId, MoneyState::NamedAccount> names_;
};

// An instant, or the beginning of a day in the pack's zone (of the next day, for an end).
Result<Timestamp> ReadTime(const std::string& text, const pack::Pack& pack, bool end) {
  if (text.size() != 10) {
    auto time = Timestamp::Parse(text);
    if (time.ok()) return *time;
  } else if (auto day = Date::Parse(text); day.ok()) {
    const int64_t local = (day->days + (end ? 1 : 0)) * 86'400;
    const int64_t seconds =
        pack.zone == nullptr ? local : local - pack.zone->OffsetAtLocal(local).offset_before;
    // Years beyond 2262 do not fit a timestamp.
    const Int128 ns = Int128{seconds} * kNsPerSecond;
    if (ns >= INT64_MIN && ns <= INT64_MAX) return Timestamp{static_cast<int64_t>(ns)};
  }
  return InvalidArgument(
      "expected a day such as 2024-01-31 or a time such as "
      "2024-01-31T12:00:00+08:00, came '" +
      text + "'");
}

struct Stretch {
  int64_t from_ns = INT64_MIN;
  int64_t to_ns = INT64_MAX;
};

std::optional<Stretch> ReadStretch(const LedgerOptions& options, const Book& book,
                                   std::string* err) {
  Stretch stretch;
  stretch.to_ns = book.last().ns + 1;
  for (const auto& [flag, text, end] :
       {std::tuple("--from", options.from, false), std::tuple("--to", options.to, true)}) {
    if (text.empty()) continue;
    const auto time = ReadTime(text, book.pack(), end);
    if (!time.ok()) {
      *err += fmt::format("credence: {}: {}\n", flag, time.status().message());
      return std::nullopt;
    }
    (end ? stretch.to_ns : stretch.from_ns) = time->ns;
  }
  if (stretch.from_ns >= stretch.to_ns) {
    *err += "credence: --from: expected a time before --to (or before the last event)\n";
    return std::nullopt;
  }
  return stretch;
}

// --- accounts ---

struct AccountLine {
  MoneyState::NamedAccount account;
  Balances balances;
  int64_t balance = 0;
  size_t transfers = 0;
};

std::vector<AccountLine> AccountLines(const Book& book, const LedgerOptions& options,
                                      int64_t to_ns) {
  std::vector<AccountLine> lines;
  for (const auto& account : book.money().Accounts()) {
    if (!options.role.empty() && account.role != options.role) continue;
    if (!options.key.empty() && account.key != options.key) continue;
    AccountLine line{account, book.money().ledger().BalancesAt(account.id, to_ns - 1), 0, 0};
    line.balance = book.Balance(account.role, line.balances);
    ledger::HistoryFilter filter;
    filter.account = account.id;
    filter.time_max_ns = to_ns - 1;
    filter.limit = UINT32_MAX;
    line.transfers = book.money().ledger().Transfers(filter).size();
    lines.push_back(std::move(line));
  }
  return lines;
}

std::string AccountsText(const Book& book, const std::vector<AccountLine>& lines,
                         LedgerOptions::Language language) {
  Rows rows = {{Say(language, "role", "科目"), Say(language, "key", "主体"),
                Say(language, "debits", "借方"), Say(language, "credits", "贷方"),
                Say(language, "balance", "余额"), Say(language, "transfers", "笔数")}};
  int64_t debits = 0;
  int64_t credits = 0;
  for (const AccountLine& line : lines) {
    debits += line.balances.debits_posted;
    credits += line.balances.credits_posted;
    rows.push_back({line.account.role, line.account.key, book.Amount(line.balances.debits_posted),
                    book.Amount(line.balances.credits_posted), book.Amount(line.balance),
                    Grouped(line.transfers)});
  }
  rows.push_back({Say(language, "total", "合计"), std::string(book.currency().code()),
                  book.Amount(debits), book.Amount(credits), "", ""});
  return Aligned(rows, 2);
}

std::string AccountsJson(const Book& book, const std::vector<AccountLine>& lines) {
  api::JsonWriter out;
  out.BeginObject();
  out.TextMember("currency", book.currency().code());
  out.Key("accounts");
  out.BeginArray();
  for (const AccountLine& line : lines) {
    out.BeginObject();
    out.TextMember("role", line.account.role);
    out.TextMember("key", line.account.key);
    out.TextMember("debits", book.Amount(line.balances.debits_posted));
    out.TextMember("credits", book.Amount(line.balances.credits_posted));
    out.TextMember("debits_pending", book.Amount(line.balances.debits_pending));
    out.TextMember("credits_pending", book.Amount(line.balances.credits_pending));
    out.TextMember("balance", book.Amount(line.balance));
    out.Key("transfers");
    out.Integer(static_cast<int64_t>(line.transfers));
    out.EndObject();
  }
  out.EndArray();
  out.EndObject();
  return out.Finish() + "\n";
}

// A field in quotes where CSV needs them: keys are whatever an event said.
std::string CsvField(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

std::string AccountsCsv(const Book& book, const std::vector<AccountLine>& lines) {
  std::string text =
      "role,key,currency,debits,credits,debits_pending,credits_pending,balance,transfers\n";
  for (const AccountLine& line : lines) {
    text += fmt::format(
        "{},{},{},{},{},{},{},{},{}\n", line.account.role, CsvField(line.account.key),
        book.currency().code(), book.Amount(line.balances.debits_posted),
        book.Amount(line.balances.credits_posted), book.Amount(line.balances.debits_pending),
        book.Amount(line.balances.credits_pending), book.Amount(line.balance), line.transfers);
  }
  return text;
}

// --- statement ---

std::string TransferText(ledger::TransferId id) {
  // An id that the engine made: the sequence of the event, and which of its transfers.
  const auto seq = static_cast<uint64_t>(id.value() >> 32);
  const auto index = static_cast<uint32_t>(id.value() & 0xFFFF'FFFFU);
  return fmt::format("{}-{}", seq, index);
}

std::string PendingText(const Book& book, const Balances& balances) {
  const int64_t pending = balances.debits_pending + balances.credits_pending;
  return book.Amount(pending);
}

std::string StatementText(const Book& book, const MoneyState::NamedAccount& account,
                          const Stretch& stretch, const ledger::Statement& statement,
                          LedgerOptions::Language language) {
  const auto balance = [&](const Balances& b) {
    return book.Amount(book.Balance(account.role, b));
  };
  Rows rows = {{Say(language, "time", "时间"), Say(language, "what", "类型"),
                Say(language, "why", "事由"), Say(language, "against", "对方科目"),
                Say(language, "debit", "借方"), Say(language, "credit", "贷方"),
                Say(language, "balance", "余额"), Say(language, "pending", "冻结中")}};
  const std::string from =
      stretch.from_ns == INT64_MIN ? std::string() : Timestamp{stretch.from_ns}.ToString();
  rows.push_back({from, Say(language, "opening", "期初"), "", "", "", "",
                  balance(statement.opening), PendingText(book, statement.opening)});
  for (const ledger::StatementLine& line : statement.lines) {
    const KindText kind = TextOf(line.kind);
    const std::string amount = book.Amount(line.amount);
    rows.push_back({Timestamp{line.time_ns}.ToString(), Say(language, kind.name, kind.chinese),
                    book.Why(line.code), book.NameOf(line.counterparty), line.debit ? amount : "",
                    line.debit ? "" : amount, balance(line.after), PendingText(book, line.after)});
  }
  rows.push_back({Timestamp{stretch.to_ns}.ToString(), Say(language, "closing", "期末"), "", "", "",
                  "", balance(statement.closing), PendingText(book, statement.closing)});
  std::string title = account.role + (account.key.empty() ? "" : " " + account.key);
  return title + "  " + std::string(book.currency().code()) + "\n" + Aligned(rows, 4);
}

void WriteBalances(const Book& book, const std::string& role, const Balances& balances,
                   api::JsonWriter* out) {
  out->BeginObject();
  out->TextMember("balance", book.Amount(book.Balance(role, balances)));
  out->TextMember("debits", book.Amount(balances.debits_posted));
  out->TextMember("credits", book.Amount(balances.credits_posted));
  out->TextMember("debits_pending", book.Amount(balances.debits_pending));
  out->TextMember("credits_pending", book.Amount(balances.credits_pending));
  out->EndObject();
}

std::string StatementJson(const Book& book, const MoneyState::NamedAccount& account,
                          const Stretch& stretch, const ledger::Statement& statement) {
  api::JsonWriter out;
  out.BeginObject();
  out.TextMember("role", account.role);
  out.TextMember("key", account.key);
  out.TextMember("currency", book.currency().code());
  out.OptionalTextMember("from",
                         stretch.from_ns == INT64_MIN ? "" : Timestamp{stretch.from_ns}.ToString());
  out.TextMember("to", Timestamp{stretch.to_ns}.ToString());
  out.Key("opening");
  WriteBalances(book, account.role, statement.opening, &out);
  out.Key("lines");
  out.BeginArray();
  for (const ledger::StatementLine& line : statement.lines) {
    out.BeginObject();
    out.TextMember("time", Timestamp{line.time_ns}.ToString());
    out.TextMember("kind", TextOf(line.kind).name);
    out.TextMember("posting", book.Why(line.code));
    out.TextMember("transfer", TransferText(line.transfer));
    out.TextMember("against", book.NameOf(line.counterparty));
    out.TextMember("side", line.debit ? "debit" : "credit");
    out.TextMember("amount", book.Amount(line.amount));
    out.Key("after");
    WriteBalances(book, account.role, line.after, &out);
    out.EndObject();
  }
  out.EndArray();
  out.Key("closing");
  WriteBalances(book, account.role, statement.closing, &out);
  out.EndObject();
  return out.Finish() + "\n";
}

std::string StatementCsv(const Book& book, const MoneyState::NamedAccount& account,
                         const ledger::Statement& statement) {
  std::string text = "time,kind,posting,transfer,against,debit,credit,balance,pending\n";
  const auto balance = [&](const Balances& b) {
    return book.Amount(book.Balance(account.role, b));
  };
  text += fmt::format(",opening,,,,,,{},{}\n", balance(statement.opening),
                      PendingText(book, statement.opening));
  for (const ledger::StatementLine& line : statement.lines) {
    const std::string amount = book.Amount(line.amount);
    text +=
        fmt::format("{},{},{},{},{},{},{},{},{}\n", Timestamp{line.time_ns}.ToString(),
                    TextOf(line.kind).name, book.Why(line.code), TransferText(line.transfer),
                    CsvField(book.NameOf(line.counterparty)), line.debit ? amount : "",
                    line.debit ? "" : amount, balance(line.after), PendingText(book, line.after));
  }
  return text + fmt::format(",closing,,,,,,{},{}\n", balance(statement.closing),
                            PendingText(book, statement.closing));
}

// The account that the options name; null after a complaint that says which there are.
const MoneyState::NamedAccount* FindAccount(const std::vector<MoneyState::NamedAccount>& accounts,
                                            const LedgerOptions& options, std::string* err) {
  std::vector<std::string> keys;
  std::vector<std::string> roles;
  for (const auto& account : accounts) {
    if (account.role == options.role && account.key == options.key) return &account;
    if (account.role == options.role) keys.push_back(account.key);
    if (roles.empty() || roles.back() != account.role) roles.push_back(account.role);
  }
  const auto list = [](const std::vector<std::string>& names) {
    std::string text;
    for (size_t i = 0; i < std::min<size_t>(names.size(), 10); ++i) {
      text += (i > 0 ? ", " : "") + names[i];
    }
    return text + (names.size() > 10 ? " …" : "");
  };
  if (!keys.empty()) {
    *err += fmt::format("credence: --key: the role {} has no account '{}', expected one of {}\n",
                        options.role, options.key, list(keys));
  } else {
    *err += fmt::format(
        "credence: --role: there is no account of '{}'{}\n", options.role,
        roles.empty() ? ": the store has no accounts" : ", expected one of " + list(roles));
  }
  return nullptr;
}

}  // namespace

int RunLedger(FileSystem& files, const LedgerOptions& options, std::string* out, std::string* err) {
  Book book(files, options.store);
  const Status read = book.Read();
  if (!read.ok()) {
    *err += fmt::format("credence: cannot read the store {}: {}\n", options.store, read.message());
    return 1;
  }
  const auto stretch = ReadStretch(options, book, err);
  if (!stretch) return 2;
  if (options.what == LedgerOptions::What::kAccounts) {
    const auto lines = AccountLines(book, options, stretch->to_ns);
    *out += options.format == LedgerOptions::Format::kJson ? AccountsJson(book, lines)
            : options.format == LedgerOptions::Format::kCsv
                ? AccountsCsv(book, lines)
                : AccountsText(book, lines, options.language);
    return 0;
  }
  const auto accounts = book.money().Accounts();
  const auto* account = FindAccount(accounts, options, err);
  if (account == nullptr) return 1;
  const ledger::Statement statement =
      ledger::MakeStatement(book.money().ledger(), account->id, stretch->from_ns, stretch->to_ns);
  switch (options.format) {
    case LedgerOptions::Format::kJson:
      *out += StatementJson(book, *account, *stretch, statement);
      break;
    case LedgerOptions::Format::kCsv:
      *out += StatementCsv(book, *account, statement);
      break;
    case LedgerOptions::Format::kText:
      *out += StatementText(book, *account, *stretch, statement, options.language);
      break;
  }
  return 0;
}

Action AddLedger(CLI::App* app) {
  struct Flags {
    LedgerOptions options;
    bool json = false;
    bool csv = false;
    std::string language = "both";
  };
  auto flags = std::make_shared<Flags>();
  app->require_subcommand(1);
  CLI::App* accounts =
      app->add_subcommand("accounts", "all accounts with their balances (科目余额)");
  CLI::App* statement =
      app->add_subcommand("statement", "what happened to one account, as of any time (对账单)");
  for (CLI::App* command : {accounts, statement}) {
    LedgerOptions& options = flags->options;
    command->add_option("store", options.store, "folder of the store")->required();
    auto* role = command->add_option("--role", options.role, "role in the chart of accounts");
    if (command == statement) role->required();
    command->add_option("--key", options.key, "of the entity or loan whose account it is");
    if (command == statement) {
      command->add_option("--from", options.from, "time or day; default: from the beginning");
    }
    command->add_option("--to", options.to, "up to before this time, or to the end of this day");
    command->add_flag("--json", flags->json, "print JSON, amounts as decimal strings");
    command->add_flag("--csv", flags->csv, "print CSV");
    command->add_option("--language", flags->language, "of the texts: en, zh or both")
        ->check(CLI::IsMember({"en", "zh", "both"}));
  }
  app->footer(
      "Reads only. Days are those of the pack's zone.\nExamples:\n"
      "  credence ledger accounts run/line\n"
      "  credence ledger statement run/line --role receivable --key L1\n"
      "  credence ledger statement run/line --role cash --from 2024-03-01 --to 2024-03-31 --csv");
  return [flags, statement] {
    LedgerOptions options = flags->options;
    if (flags->json && flags->csv) {
      Fail("--json and --csv: expected only one of them");
      return 2;
    }
    if (statement->parsed()) options.what = LedgerOptions::What::kStatement;
    if (flags->json) options.format = LedgerOptions::Format::kJson;
    if (flags->csv) options.format = LedgerOptions::Format::kCsv;
    if (flags->language == "en") options.language = LedgerOptions::Language::kEnglish;
    if (flags->language == "zh") options.language = LedgerOptions::Language::kChinese;
    journal::PosixFileSystem files;
    std::string out;
    std::string err;
    const int code = RunLedger(files, options, &out, &err);
    fmt::print("{}", out);
    fmt::print(stderr, "{}", err);
    return code;
  };
}

}  // namespace credence::apps
