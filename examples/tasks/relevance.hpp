// Looking for documents, by a student that reads queries and documents apart.
#pragma once

#include "outcome.hpp"

namespace example {

/// Generated: queries and documents are vectors of 16 numbers, relevant by a rule of both together that no network is
/// told. The teacher reads a query and a document at once, crossed, and has seen the relevance of many pairs; the
/// student embeds each apart, so that documents can be embedded once and for all. The plain student learns from the few
/// queries whose relevant document is known, by the cross-entropy of its scores; Margin-MSE gives the same student the
/// teacher's scores of as many lists as there are steps. Judged by graded relevance among 500 documents.
std::vector<outcome> relevance(const task_settings& settings);

}  // namespace example
