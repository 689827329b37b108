#pragma once

#include "cli/output/document.hpp"
#include "relay/audit/maintain.hpp"
#include "relay/audit/records.hpp"

namespace relay::cli {

/// Returns the document of kind AuditMaintenance, without its stamp.
Document audit_maintenance_document(MaintainAudit const &request, AuditMaintenance const &done);

/// Returns "2024-01 (1200 rows), 2024-02 (no rows)", for questions.
std::string months_in_words(std::vector<EventMonth> const &months);

}  // namespace relay::cli
