use std::fmt;

use crate::model::Namespace;

/// What a request asks of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Request {
    Describe,
    Stats,
    Inventory,
    FilteredStats,
    List,
    Fetch,
    Query,
    /// Pages of whole records.
    Read,
    OpenView,
    RenewView,
    CloseView,
    IsVisible,
    ResolveAlias,
    PointAlias,
    Obstacles,
    Create,
    Finish,
    Configure,
    DeleteIndex,
    Upsert,
    Delete,
    DeleteMatching,
    DeleteNamespace,
    CreateCollection,
    DescribeCollection,
    DeleteCollection,
    StartImport,
    ListImports,
    CancelImport,
}

impl Request {
    /// The name in messages and counts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Describe => "describe",
            Self::Stats => "stats",
            Self::Inventory => "inventory",
            Self::FilteredStats => "filtered_stats",
            Self::List => "list",
            Self::Fetch => "fetch",
            Self::Query => "query",
            Self::Read => "read",
            Self::OpenView => "open_view",
            Self::RenewView => "renew_view",
            Self::CloseView => "close_view",
            Self::IsVisible => "is_visible",
            Self::ResolveAlias => "resolve_alias",
            Self::PointAlias => "point_alias",
            Self::Obstacles => "obstacles",
            Self::Create => "create",
            Self::Finish => "finish",
            Self::Configure => "configure",
            Self::DeleteIndex => "delete_index",
            Self::Upsert => "upsert",
            Self::Delete => "delete",
            Self::DeleteMatching => "delete_matching",
            Self::DeleteNamespace => "delete_namespace",
            Self::CreateCollection => "create_collection",
            Self::DescribeCollection => "describe_collection",
            Self::DeleteCollection => "delete_collection",
            Self::StartImport => "start_import",
            Self::ListImports => "list_imports",
            Self::CancelImport => "cancel_import",
        }
    }

    /// Returns whether it changes an index.
    pub fn is_write(self) -> bool {
        matches!(
            self,
            Self::PointAlias
                | Self::Create
                | Self::Finish
                | Self::Configure
                | Self::DeleteIndex
                | Self::Upsert
                | Self::Delete
                | Self::DeleteMatching
                | Self::DeleteNamespace
                | Self::CreateCollection
                | Self::DeleteCollection
                | Self::StartImport
                | Self::CancelImport
        )
    }

    /// Returns whether it is asked of the control plane.
    pub fn is_control(self) -> bool {
        matches!(
            self,
            Self::Describe
                | Self::ResolveAlias
                | Self::PointAlias
                | Self::Obstacles
                | Self::Create
                | Self::Finish
                | Self::Configure
                | Self::DeleteIndex
                | Self::CreateCollection
                | Self::DescribeCollection
                | Self::DeleteCollection
        )
    }

    /// Returns whether making it twice is the same as making it once.
    pub fn is_idempotent(self) -> bool {
        !matches!(self, Self::Create | Self::CreateCollection | Self::StartImport)
    }

    /// Returns whether it moves records, so that only so many are under way at once.
    pub fn moves_records(self) -> bool {
        matches!(self, Self::Fetch | Self::Query | Self::Read | Self::Upsert)
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What an attempt uses up of a documented rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Due {
    /// The rate's name; all attempts that name it share it.
    pub what: &'static str,
    /// Tokens a second.
    pub rate: f64,
    /// Whether each namespace has a rate of its own.
    pub is_per_namespace: bool,
    /// Tokens of this attempt.
    pub tokens: f64,
}

/// Computes what an attempt uses up; asked only where rates are kept to.
type Dues<'a> = &'a (dyn Fn() -> Vec<Due> + Send + Sync);

/// One request as the layers see it.
#[derive(Clone, Copy)]
pub struct Operation<'a> {
    pub request: Request,
    pub namespace: Option<&'a Namespace>,
    /// Records or ids in the request.
    pub records: usize,
    /// Whether an attempt is given up at the usual deadline. What reads every record of an index takes as long as there are
    /// many.
    pub has_deadline: bool,
    dues: Option<Dues<'a>>,
}

impl<'a> Operation<'a> {
    pub fn new(request: Request) -> Self {
        Self { request, namespace: None, records: 0, has_deadline: true, dues: None }
    }

    pub fn within(self, namespace: &'a Namespace) -> Self {
        Self { namespace: Some(namespace), ..self }
    }

    pub fn of(self, records: usize) -> Self {
        Self { records, ..self }
    }

    /// Lets an attempt take as long as it takes: who makes it sees to its end.
    pub fn without_deadline(self) -> Self {
        Self { has_deadline: false, ..self }
    }

    pub fn using(self, dues: Dues<'a>) -> Self {
        Self { dues: Some(dues), ..self }
    }

    /// What it uses up of documented rates.
    pub fn dues(&self) -> Vec<Due> {
        self.dues.map_or_else(Vec::new, |dues| dues())
    }
}
