#pragma once
// The commands of `credence`. Each adds itself to the program with its help and examples, and
// returns what it does when it is chosen: the exit code (0 all is well, 1 something was found or
// failed, 2 wrong use).

#include <CLI/CLI.hpp>
#include <functional>

namespace credence::apps {

using Action = std::function<int()>;

Action AddReplay(CLI::App* app);
Action AddDecide(CLI::App* app);
Action AddVerify(CLI::App* app);
Action AddInspect(CLI::App* app);
Action AddKey(CLI::App* app);
Action AddProve(CLI::App* app);
Action AddCheckProof(CLI::App* app);
Action AddProject(CLI::App* app);
Action AddBackup(CLI::App* app);
Action AddRestore(CLI::App* app);
Action AddRetire(CLI::App* app);
Action AddPack(CLI::App* app);
Action AddFeel(CLI::App* app);
Action AddDmn(CLI::App* app);
Action AddSchedule(CLI::App* app);
Action AddLedger(CLI::App* app);
Action AddSimulate(CLI::App* app);
Action AddBench(CLI::App* app);
Action AddServe(CLI::App* app);

}  // namespace credence::apps
