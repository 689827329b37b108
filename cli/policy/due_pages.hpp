#pragma once

#include "cli/context.hpp"
#include "cli/output/own_file.hpp"
#include "cli/policy/owner_notices.hpp"

#include <string>
#include <vector>

/// `key due --html DIR`: a page for each owner, and index.html, which links them.
namespace relay::cli {

class DuePages {
  public:
    /// Throws Error (usage, conflict, sink) if DIR is not a folder in which pages can be written.
    DuePages(std::string folder, Globals const &globals, DueRequest const &request);

    /// Writes the page of an owner. Throws as write_own_file.
    void add(OwnerNotice const &notice);
    /// Writes index.html, and removes earlier pages of owners that have no due keys any more, unless the request is narrowed
    /// to some agents: then it says nothing about the other owners. No other file is touched.
    void finish();

  private:
    struct Listed {
        DueOwner due;
        std::string name;
    };

    OwnFile file(std::string_view name) const;

    std::string m_folder;
    Globals const &m_globals;
    DueRequest const &m_request;
    std::vector<std::string> m_earlier{};  ///< the names of the pages of earlier runs
    std::vector<Listed> m_listed{};
};

}  // namespace relay::cli
