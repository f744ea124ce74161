"""LlamaIndex's store of Pinecone as its package has it, alone and below an index of LlamaIndex."""

import asyncio

from llama_index.core import StorageContext, VectorStoreIndex
from llama_index.core.embeddings import BaseEmbedding
from llama_index.core.schema import NodeRelationship, RelatedNodeInfo, TextNode
from llama_index.core.vector_stores.types import (
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryMode,
)
from llama_index.vector_stores.pinecone import PineconeVectorStore

from stores import DIMENSION, KINDS, TEXTS, counts, create, place, vector


class Counted(BaseEmbedding):
    def _get_text_embedding(self, text):
        return vector(text)

    def _get_query_embedding(self, query):
        return vector(query)

    async def _aget_query_embedding(self, query):
        return vector(query)


def nodes():
    """Each kind is a document, from which its texts are."""
    return [
        TextNode(
            id_=name,
            text=text,
            embedding=vector(text),
            metadata={"kind": KINDS[name], "words": len(text.split())},
            relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=f"doc-{KINDS[name]}")},
        )
        for name, text in TEXTS.items()
    ]


def where(*conditions, condition=FilterCondition.AND):
    filters = [MetadataFilter(key=key, operator=operator, value=value) for key, operator, value in conditions]
    return MetadataFilters(filters=filters, condition=condition)


index = create("llama", metric="dotproduct", dimension=DIMENSION)
store = PineconeVectorStore(pinecone_index=index, namespace="shelf")


def found(text, k=9, **more):
    return store.query(VectorStoreQuery(query_embedding=vector(text), similarity_top_k=k, **more))


def names(result):
    return [node.node_id for node in result.nodes]


def added():
    ids = store.add(nodes())
    assert ids[0] == "doc-sea#whale" and counts(index) == {"shelf": 5}, (ids, counts(index))
    many = [TextNode(id_=f"n{n}", text=f"number {n}", embedding=vector(f"number {n}")) for n in range(250)]
    assert len(PineconeVectorStore(pinecone_index=index, namespace="many").add(many)) == 250
    assert counts(index)["many"] == 250, counts(index)


def queried():
    result = found(TEXTS["ship"], 2)
    assert names(result)[0] == "ship" and result.ids[0] == "doc-sea#ship", result.ids
    assert abs(result.similarities[0] - sum(v * v for v in vector(TEXTS["ship"]))) < 1e-4, result
    node = result.nodes[0]
    assert (node.text, node.metadata) == (TEXTS["ship"], {"kind": "sea", "words": 6}), node
    assert node.ref_doc_id == "doc-sea" and list(node.embedding) == vector(TEXTS["ship"]), node


def filtered():
    by = FilterOperator
    assert sorted(names(found("sea", filters=where(("kind", by.EQ, "kitchen"))))) == ["bread", "cake"]
    both = where(("kind", by.NE, "kitchen"), ("words", by.LT, 6))
    assert names(found("sea", filters=both)) == ["harbour"]
    either = where(("kind", by.IN, ["kitchen"]), ("words", by.LTE, 5), condition=FilterCondition.OR)
    assert sorted(names(found("sea", filters=either))) == ["bread", "cake", "harbour"]
    assert names(found("sea", filters=where(("kind", by.NIN, ["sea", "kitchen"])))) == []
    got = store.get_nodes(filters=where(("kind", by.EQ, "kitchen")), include_values=True)
    assert sorted(node.node_id for node in got) == ["bread", "cake"] and len(got[0].embedding) == DIMENSION


def hybrid():
    def tokens(texts):
        return [[place(word) for word in text.split()] for text in texts]

    mixed = PineconeVectorStore(
        pinecone_index=index, namespace="mixed", add_sparse_vector=True, tokenizer=tokens
    )
    mixed.add(nodes())
    query = VectorStoreQuery(
        query_embedding=vector("bread"), query_str="harbour", alpha=0.01, similarity_top_k=1,
        mode=VectorStoreQueryMode.HYBRID,
    )
    assert names(mixed.query(query)) == ["harbour"]
    query.alpha = 0.99
    assert names(mixed.query(query)) == ["bread"]
    only = VectorStoreQuery(query_str="whale", similarity_top_k=1, mode=VectorStoreQueryMode.SPARSE,
                            query_embedding=vector("bread"))
    assert names(mixed.query(only)) == ["whale"]
    mixed.clear()
    assert "mixed" not in counts(index), counts(index)


def deleted():
    store.delete_nodes(node_ids=["doc-sea#whale"])
    assert counts(index)["shelf"] == 4, counts(index)
    store.delete_nodes(filters=where(("words", FilterOperator.EQ, 5)))
    assert sorted(names(found("sea"))) == ["cake", "ship"]
    store.delete("doc-sea")
    assert names(found("sea")) == ["cake"]
    store.clear()
    assert "shelf" not in counts(index), counts(index)


async def an_index_of_llama_index():
    below = PineconeVectorStore(index_name="llama", namespace="below")
    context = StorageContext.from_defaults(vector_store=below)
    bare = [TextNode(id_=name, text=text, metadata={"kind": KINDS[name]}) for name, text in TEXTS.items()]
    made = VectorStoreIndex(bare, storage_context=context, embed_model=Counted())
    assert counts(index)["below"] == 5, counts(index)
    retriever = made.as_retriever(similarity_top_k=2, filters=where(("kind", FilterOperator.EQ, "sea")))
    # The words of the metadata are embedded, too.
    assert {hit.node.metadata["kind"] for hit in retriever.retrieve("a ship")} == {"sea"}
    hits = await made.as_retriever(similarity_top_k=1).aretrieve("coffee cake")
    assert [hit.node.node_id for hit in hits] == ["cake"], hits
    again = VectorStoreIndex.from_vector_store(below, embed_model=Counted())
    assert again.as_retriever(similarity_top_k=1).retrieve("white whale")[0].node.node_id == "whale"
    await below.async_add([TextNode(id_="late", text="late", embedding=vector("late"))])
    result = await below.aquery(VectorStoreQuery(query_embedding=vector("late"), similarity_top_k=1))
    assert names(result) == ["late"], result
    await below.adelete_nodes(node_ids=["late"])
    await below.aclear()
    assert "below" not in counts(index), counts(index)


added()
queried()
filtered()
hybrid()
deleted()
asyncio.run(an_index_of_llama_index())
