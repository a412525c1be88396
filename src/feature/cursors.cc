#include "src/feature/cursors.h"

#include <algorithm>
#include <memory>
#include <type_traits>

#include "src/base/assert.h"
#include "src/base/prefetch.h"

namespace credence::feature {
namespace {

bool MaskHas(std::span<const uint64_t> mask, uint32_t series) {
  return ((mask[series / 64] >> (series % 64)) & 1) != 0;
}

int64_t SeriesCell(const RowLog& log, const Series& series, const uint64_t* row) {
  return series.column == kNoColumn ? 0 : log.Cell(row, series.column);
}

}  // namespace

Cursors::Cursors(const LogPlan& plan) {
  size_t firsts = 0;
  for (const Group& group : plan.groups) {
    for (const Group::Member& of : group.members) {
      if (of.needs.first) firsts = plan.flat_edges;
    }
  }
  Lay(plan.groups.size(), plan.flat_windows, plan.flat_members, plan.flat_edges, firsts);
  std::uninitialized_value_construct(totals_.begin(), totals_.end());
  std::uninitialized_value_construct(edges_.begin(), edges_.end());
  std::uninitialized_value_construct(groups_.begin(), groups_.end());
  std::uninitialized_value_construct(windows_.begin(), windows_.end());
  std::uninitialized_fill(firsts_.begin(), firsts_.end(), Moment{kNever, 0, 0});
  size_t member = 0;
  for (const Group& group : plan.groups) {
    for (const Group::Member& of : group.members) {
      Total& total = totals_[member++];
      if (of.needs.min) {
        total.min = static_cast<int32_t>(queues_.size());
        queues_.emplace_back(false);
      }
      if (of.needs.max) {
        total.max = static_cast<int32_t>(queues_.size());
        queues_.emplace_back(true);
      }
      if (of.needs.distinct) {
        total.seen = static_cast<int32_t>(seen_.size());
        seen_.emplace_back(group.windows.size());
      }
    }
  }
}

Cursors::Cursors(const Cursors& other)
    : queues_(other.queues_),
      seen_(other.seen_),
      standing_(other.standing_),
      least_bound_(other.least_bound_) {
  Lay(other.groups_.size(), other.windows_.size(), other.totals_.size(), other.edges_.size(),
      other.firsts_.size());
  std::copy_n(other.block_.get(), block_bytes_, block_.get());
}

void Cursors::Lay(size_t groups, size_t windows, size_t totals, size_t edges, size_t firsts) {
  static_assert(std::is_trivially_copyable_v<Total> && std::is_trivially_copyable_v<Tally> &&
                std::is_trivially_copyable_v<GroupCursor> &&
                std::is_trivially_copyable_v<WindowCursor> && std::is_trivially_copyable_v<Moment>);
  // Those with the strictest alignment come first.
  static_assert(alignof(Total) >= alignof(Tally) && alignof(Tally) >= alignof(GroupCursor) &&
                alignof(GroupCursor) >= alignof(WindowCursor) &&
                alignof(WindowCursor) >= alignof(Moment) &&
                alignof(Total) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);
  block_bytes_ = totals * sizeof(Total) + edges * sizeof(Tally) + groups * sizeof(GroupCursor) +
                 windows * sizeof(WindowCursor) + firsts * sizeof(Moment);
  block_.reset(new std::byte[block_bytes_]);  // filled by the caller
  std::byte* at = block_.get();
  const auto lay = [&at]<class T>(std::span<T>* array, size_t count) {
    *array = {reinterpret_cast<T*>(at), count};
    at += count * sizeof(T);
  };
  lay(&totals_, totals);
  lay(&edges_, edges);
  lay(&groups_, groups);
  lay(&windows_, windows);
  lay(&firsts_, firsts);
}

template <class Visitor>
void Cursors::ForEachGroup(const LogPlan& plan, Visitor visit) {
  View view{nullptr,        groups_.data(), windows_.data(),
            totals_.data(), edges_.data(),  firsts_.empty() ? nullptr : firsts_.data()};
  for (const Group& group : plan.groups) {
    view.plan = &group;
    visit(view);
    ++view.cursor;
    view.windows += group.windows.size();
    view.totals += group.members.size();
    const size_t edges = group.windows.size() * group.members.size();
    view.edges += edges;
    if (view.firsts != nullptr) view.firsts += edges;
  }
}

CellOrder Cursors::OrderOf(const Context& context, const Series& series) {
  static const Column kNone;
  return {series.column == kNoColumn ? kNone : context.plan.columns[series.column], context.texts};
}

Moment Cursors::MomentOf(const Context& context, const Series& series, const uint64_t* row) {
  return {RowTime(row), SeriesCell(context.log, series, row), RowSeq(row)};
}

void Cursors::Build(const LogPlan& plan, const RowLog& log, const Dictionary& texts, Standing to) {
  for (GroupCursor& group : groups_) group.head = log.Begin();
  for (WindowCursor& window : windows_) window.tail = log.Begin();
  Advance(plan, log, texts, to);
}

void Cursors::Advance(const LogPlan& plan, const RowLog& log, const Dictionary& texts,
                      Standing to) {
  CREDENCE_ASSERT(to.now >= standing_.now);
  standing_ = to;
  least_bound_ = INT64_MAX;
  const Context context{plan, log, texts};
  ForEachGroup(plan, [&](const View& view) {
    const Group& group = *view.plan;
    GroupCursor& cursor = *view.cursor;
    cursor.limit = MinusClamped(to.now, group.delay_ns);
    for (;;) {
      cursor.head = log.Settled(cursor.head);
      if (log.AtEnd(cursor.head)) break;
      const uint64_t* row = log.Row(cursor.head);
      if (RowTime(row) > cursor.limit) break;
      if (group.prior && RowSeq(row) == to.reader) break;
      AddRow(context, view, row);
      ++cursor.head.row;
    }
    for (size_t w = 0; w < group.windows.size(); ++w) Evict(context, view, w);
    const int64_t least = view.windows[group.windows.size() - 1].bound;
    least_bound_ = std::min(least_bound_, least);
    for (size_t m = 0; m < group.members.size(); ++m) {
      const Total& total = view.totals[m];
      if (total.min >= 0) queues_[static_cast<size_t>(total.min)].Evict(least);
      if (total.max >= 0) queues_[static_cast<size_t>(total.max)].Evict(least);
      if (total.seen < 0) continue;
      LastSeen& seen = seen_[static_cast<size_t>(total.seen)];
      for (size_t w = 0; w < group.windows.size(); ++w) seen.Evict(w, view.windows[w].bound);
    }
  });
}

void Cursors::AddRow(const Context& context, const View& view, const uint64_t* row) {
  const Group& group = *view.plan;
  for (size_t w = 0; w < group.windows.size(); ++w) {
    // An empty window begins at the row that comes in.
    if (view.windows[w].tail_time != kNever) continue;
    view.windows[w].tail = view.cursor->head;
    view.windows[w].tail_time = RowTime(row);
  }
  for (size_t m = 0; m < group.members.size(); ++m) {
    const Group::Member& member = group.members[m];
    if (!RowHas(row, member.series)) continue;
    const Series& series = context.plan.series[member.series];
    Total& total = view.totals[m];
    const Moment moment = MomentOf(context, series, row);
    total.in.Add(moment.cell, member.needs);
    total.last = moment;
    if (total.min >= 0) {
      queues_[static_cast<size_t>(total.min)].Add(moment.time, moment.cell,
                                                  OrderOf(context, series));
    }
    if (total.max >= 0) {
      queues_[static_cast<size_t>(total.max)].Add(moment.time, moment.cell,
                                                  OrderOf(context, series));
    }
    if (total.seen >= 0) seen_[static_cast<size_t>(total.seen)].Add(moment.cell, moment.time);
  }
}

void Cursors::Evict(const Context& context, const View& view, size_t w) {
  const Group& group = *view.plan;
  const RowLog& log = context.log;
  WindowCursor& window = view.windows[w];
  const int64_t length = group.windows[w].length_ns;
  window.bound = length == 0 ? INT64_MIN : MinusClamped(view.cursor->limit, length);
  while (window.tail_time != kNever && window.tail_time <= window.bound) {
    window.tail = log.Settled(window.tail);
    const Chunk& chunk = log.ChunkAt(window.tail.chunk);
    const uint64_t* last = chunk.words() + size_t{chunk.rows - 1} * log.width();
    if (window.tail.row == 0 && window.tail.chunk < view.cursor->head.chunk &&
        RowTime(last) <= window.bound) {
      for (size_t m = 0; m < group.members.size(); ++m) {
        view.edge(w, m) += chunk.summary[group.members[m].series].tally;
      }
      window.tail = {window.tail.chunk + 1, 0};
    } else {
      const uint64_t* row = log.Row(window.tail);
      for (size_t m = 0; m < group.members.size(); ++m) {
        const Group::Member& member = group.members[m];
        if (!RowHas(row, member.series)) continue;
        const Series& series = context.plan.series[member.series];
        view.edge(w, m).Add(SeriesCell(log, series, row), member.needs);
      }
      ++window.tail.row;
      window.tail = log.Settled(window.tail);
    }
    window.tail_time = window.tail == view.cursor->head ? kNever : RowTime(log.Row(window.tail));
  }
  if (view.firsts != nullptr) FindFirsts(context, view, w);
}

// Where the first row of a series left the window (or there was none), the next one is searched
// for.
void Cursors::FindFirsts(const Context& context, const View& view, size_t w) {
  const Group& group = *view.plan;
  const RowLog& log = context.log;
  const WindowCursor& window = view.windows[w];
  for (size_t m = 0; m < group.members.size(); ++m) {
    if (!group.members[m].needs.first) continue;
    Moment& first = view.first(w, m);
    if (first.time != kNever && first.time > window.bound) continue;
    first.time = kNever;
    if (view.totals[m].in.count == view.edge(w, m).count) continue;
    const uint32_t series = group.members[m].series;
    for (Position at = window.tail; at < view.cursor->head;) {
      at = log.Settled(at);
      const Chunk& chunk = log.ChunkAt(at.chunk);
      if (at.row == 0 && chunk.summary != nullptr && chunk.summary[series].tally.count == 0) {
        at = {at.chunk + 1, 0};
        continue;
      }
      const uint64_t* row = log.Row(at);
      if (RowHas(row, series)) {
        first = MomentOf(context, context.plan.series[series], row);
        break;
      }
      ++at.row;
    }
  }
}

// Rows at the limit count as inside up to `before_seq`, itself left out. Of the chunks before
// `from` nothing has moved.
void Cursors::Place(const Context& context, const View& view, uint64_t before_seq, uint64_t from) {
  const RowLog& log = context.log;
  GroupCursor& cursor = *view.cursor;
  if (cursor.head.chunk >= from) {
    cursor.head = log.Settled(log.After(cursor.limit, before_seq - 1));
    if (view.plan->prior && standing_.reader != 0) {
      // The reader is the last row of the newest time, if it is here at all.
      const Position before = log.Settled(log.After(cursor.limit, standing_.reader - 1));
      cursor.head = std::min(cursor.head, before);
    }
  }
  for (size_t w = 0; w < view.plan->windows.size(); ++w) {
    WindowCursor& window = view.windows[w];
    if (window.tail.chunk < from) continue;
    window.tail = std::min(log.Settled(log.After(window.bound)), cursor.head);
    window.tail_time = window.tail == cursor.head ? kNever : RowTime(log.Row(window.tail));
  }
}

void Cursors::Relocate(const LogPlan& plan, const RowLog& log, uint64_t inserted) {
  static const Dictionary kNoTexts;
  ForEachGroup(plan, [&](const View& view) { Place({plan, log, kNoTexts}, view, inserted, 0); });
}

void Cursors::AddLate(const LogPlan& plan, const RowLog& log, const Dictionary& texts, int64_t time,
                      uint64_t seq) {
  const Context context{plan, log, texts};
  const Position at = log.Settled(log.After(time, seq - 1));
  const uint64_t* row = log.Row(at);
  CREDENCE_ASSERT(RowSeq(row) == seq);
  // Its chunk may have been made two: the row is in one of them.
  const uint64_t from = at.chunk == 0 ? 0 : at.chunk - 1;
  ForEachGroup(plan, [&](const View& view) {
    Place(context, view, UINT64_MAX, from);
    if (time <= view.cursor->limit) AddLateRow(context, view, row);
  });
}

void Cursors::AddLateRow(const Context& context, const View& view, const uint64_t* row) {
  const Group& group = *view.plan;
  for (size_t m = 0; m < group.members.size(); ++m) {
    const Group::Member& member = group.members[m];
    if (!RowHas(row, member.series)) continue;
    const Series& series = context.plan.series[member.series];
    const CellOrder order = OrderOf(context, series);
    const Moment moment = MomentOf(context, series, row);
    Total& total = view.totals[m];
    if (total.in.count == 0 || moment.time >= total.last.time) total.last = moment;
    total.in.Add(moment.cell, member.needs);
    if (total.seen >= 0) seen_[static_cast<size_t>(total.seen)].Add(moment.cell, moment.time);
    const size_t windows = group.windows.size();
    // A row that is older than every window would be the first to leave the queues.
    if (moment.time > view.windows[windows - 1].bound) {
      for (int32_t queue : {total.min, total.max}) {
        if (queue < 0) continue;
        queues_[static_cast<size_t>(queue)].AddLate(moment.time, moment.cell, order);
      }
    }
    for (size_t w = 0; w < windows; ++w) {
      if (moment.time <= view.windows[w].bound) {
        view.edge(w, m).Add(moment.cell, member.needs);
      } else if (member.needs.first && moment.time < view.first(w, m).time) {
        view.first(w, m) = moment;  // rows of equal time came earlier, so they stay first
      }
    }
  }
}

void Cursors::Reverse(const LogPlan& plan, const RowLog& log, const Dictionary& texts,
                      Position at) {
  const Context context{plan, log, texts};
  const uint64_t* row = log.Row(at);
  const std::span<const uint64_t> mask = log.reversals().back().mask;
  ForEachGroup(plan, [&](const View& view) {
    if (RowTime(row) > view.cursor->limit) return;
    if (view.plan->prior && RowSeq(row) == standing_.reader) return;
    ReverseRow(context, view, row, mask);
  });
}

void Cursors::ReverseRow(const Context& context, const View& view, const uint64_t* row,
                         std::span<const uint64_t> mask) {
  const Group& group = *view.plan;
  for (size_t m = 0; m < group.members.size(); ++m) {
    const Group::Member& member = group.members[m];
    if (!MaskHas(mask, member.series)) continue;
    const Series& series = context.plan.series[member.series];
    const Moment moment = MomentOf(context, series, row);
    Total& total = view.totals[m];
    total.in.Remove(moment.cell, member.needs);
    if (total.last.seq == moment.seq) {
      const uint64_t* last =
          context.log.LastWith(member.series, series.column, view.cursor->head, INT64_MIN);
      total.last = last == nullptr ? Moment{INT64_MIN, 0, 0} : MomentOf(context, series, last);
    }
    for (int32_t queue : {total.min, total.max}) {
      if (queue < 0) continue;
      MendQueue(context, view, series, member.series, row, &queues_[static_cast<size_t>(queue)]);
    }
    if (total.seen >= 0) {
      LastSeen& seen = seen_[static_cast<size_t>(total.seen)];
      if (!seen.Remove(moment.cell, moment.time)) {
        const uint64_t* last = context.log.LastWith(member.series, series.column, view.cursor->head,
                                                    INT64_MIN, &moment.cell);
        seen.SetLast(moment.cell, last == nullptr ? std::nullopt : std::optional(RowTime(last)));
      }
    }
    for (size_t w = 0; w < group.windows.size(); ++w) {
      if (moment.time <= view.windows[w].bound) view.edge(w, m).Remove(moment.cell, member.needs);
      if (!member.needs.first) continue;
      if (view.first(w, m).seq == moment.seq) view.first(w, m).time = kNever;
    }
  }
  if (view.firsts == nullptr) return;
  for (size_t w = 0; w < group.windows.size(); ++w) FindFirsts(context, view, w);
}

// Where the row that was taken back stood in the queue, those come back that only it had beaten:
// they lie between the item before it and itself.
void Cursors::MendQueue(const Context& context, const View& view, const Series& series,
                        uint32_t index, const uint64_t* gone, ExtremeQueue* queue) {
  const RowLog& log = context.log;
  const CellOrder order = OrderOf(context, series);
  const size_t place = queue->Find(RowTime(gone), SeriesCell(log, series, gone));
  if (place == queue->items().size()) return;
  const bool has_next = place + 1 < queue->items().size();
  bool has_best = has_next;
  int64_t best = has_next ? queue->items()[place + 1].cell : 0;
  // Rows at the time of the item before are scanned too: order among equal times does not matter.
  const int64_t least_bound = view.windows[view.plan->windows.size() - 1].bound;
  const bool has_before = place > queue->begin();
  const int64_t from = has_before ? queue->items()[place - 1].time : least_bound;
  std::vector<ExtremeQueue::Item> back;
  Position at = std::min(log.Settled(log.After(RowTime(gone))), view.cursor->head);
  for (;;) {
    if (at.row == 0) {
      if (at.chunk == log.first_chunk()) break;
      --at.chunk;
      const Chunk& chunk = log.ChunkAt(at.chunk);
      at.row = chunk.rows;
      if (chunk.summary == nullptr) continue;
      const SeriesSummary& summary = chunk.summary[index];
      const int64_t top = queue->greatest() ? summary.max : summary.min;
      const bool beaten = summary.tally.count == 0 || (has_best && !queue->Beats(top, best, order));
      if (beaten && RowTime(chunk.words()) > from) at.row = 0;
      continue;
    }
    --at.row;
    const uint64_t* row = log.Row(at);
    if (has_before ? RowTime(row) < from : RowTime(row) <= from) break;
    if (!RowHas(row, index)) continue;
    const int64_t cell = SeriesCell(log, series, row);
    if (has_best && !queue->Beats(cell, best, order)) continue;
    if (has_before && !queue->Beats(queue->items()[place - 1].cell, cell, order)) continue;
    back.push_back({RowTime(row), cell});
    best = cell;
    has_best = true;
  }
  std::reverse(back.begin(), back.end());
  queue->Replace(place, place + 1, back);
}

void Cursors::Trim(int64_t through) {
  for (LastSeen& seen : seen_) seen.Trim(through);
}

std::optional<int64_t> Cursors::DistinctBefore(const RowLog& log, const ReadSet::Run& run,
                                               const ReadSet::Member& member,
                                               const ReadSet::Item& item, int64_t bound,
                                               int64_t end_time, Position end) const {
  // Of the rows at the end's own time some may lie behind it.
  const int64_t before = run.prior ? MinusClamped(end_time, 1) : end_time;
  const int32_t seen = totals_[member.flat_member].seen;
  return seen_[static_cast<size_t>(seen)].CountBetween(
      item.window, bound, before, end_time, [&](int64_t cell) {
        const uint64_t* row = log.LastWith(member.series, member.column, end, bound, &cell);
        return row == nullptr ? INT64_MIN : RowTime(row);
      });
}

void Cursors::Warm(int level, const RowLog& log) const {
  if (level == 0) {
    PrefetchLines(this, sizeof(*this));
  } else if (level == 1) {
    PrefetchLines(block_.get(), block_bytes_);
    PrefetchLines(queues_.data(), queues_.size() * sizeof(ExtremeQueue));
    PrefetchLines(seen_.data(), seen_.size() * sizeof(LastSeen));
  } else if (level == 2) {
    for (const WindowCursor& window : windows_) log.WarmPlace(window.tail);
    for (const ExtremeQueue& queue : queues_) queue.Warm();
    for (const LastSeen& seen : seen_) seen.Warm();
  } else if (level == 3) {
    for (const WindowCursor& window : windows_) log.WarmRow(window.tail);
    for (const LastSeen& seen : seen_) seen.WarmBoundaries();
  }
}

void Cursors::WarmCell(int step, std::span<const uint32_t> members, int64_t cell) const {
  for (const uint32_t member : members) {
    const LastSeen& seen = seen_[static_cast<size_t>(totals_[member].seen)];
    if (step == 0) {
      seen.WarmSlot(cell);
    } else {
      seen.WarmNode(cell);
    }
  }
}

size_t Cursors::bytes() const {
  size_t total = sizeof(Cursors) + block_bytes_ + queues_.capacity() * sizeof(ExtremeQueue) +
                 seen_.capacity() * sizeof(LastSeen);
  for (const ExtremeQueue& queue : queues_) total += queue.bytes();
  for (const LastSeen& seen : seen_) total += seen.bytes();
  return total;
}

}  // namespace credence::feature
