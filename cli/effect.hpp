#pragma once

namespace relay::cli {

/// What a command does besides printing.
enum class Effect {
    reads,  ///< changes nothing; --dry-run makes no difference
    changes,  ///< changes something; with --dry-run it only shows what it would change
    acts,  ///< does something that has no dry run: refuses --dry-run
};

}  // namespace relay::cli
