//! Records in Parquet files.
