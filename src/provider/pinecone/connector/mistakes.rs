//! Codes of what only plans for Pinecone can get wrong.

use crate::plan::codes::{Code, Level, codes};

codes! {
    BAD_TAG Error "V039" "tag"
    means "Pinecone allows an index 20 tags; keys of up to 80 letters, digits, `_` and `-`; values of up to 120 letters, digits, spaces and `; @ _ - . +`."
    example "tags: { \"cost center\": a }"
    fix "Shorten it or replace the characters."

    BAD_REGION Error "V095" "region"
    means "The cloud has no region of this name, or the region is another cloud's. `create` would be refused, after everything before it."
    example "serverless: { cloud: aws, region: us-central1 }"
    fix "Pinecone's serverless regions (docs.pinecone.io, 2026-11): aws `us-east-1` `us-west-2` `eu-west-1`, gcp `us-central1` `europe-west4`, azure `eastus2`."

    UNKNOWN_REGION Warning "V122" "unknown-region"
    means "The region is not among those that the service was known to have when this version was made. It may be new; if it is not, `create` is refused."
    example "serverless: { cloud: aws, region: ap-southeast-1 }"
    fix "See the service's list of regions, and go on if the region is there."
}
